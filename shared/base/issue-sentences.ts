import { z } from 'zod';

type Issue = z.core.$ZodRawIssue;

/** Units of sizes, by what has the size. */
const units: ReadonlyMap<string, string> = new Map([
  ['string', 'characters'],
  ['array', 'items'],
  ['set', 'items'],
  ['map', 'keys'],
  ['file', 'bytes'],
]);

const formats: ReadonlyMap<string, string> = new Map([
  ['email', 'an e-mail address'],
  ['url', 'a URL'],
  ['datetime', 'a UTC time, such as 2027-01-01T00:00:00Z'],
  ['date', 'a date, such as 2027-01-01'],
  ['regex', 'another form'],
  ['base64', 'base64'],
  ['ipv4', 'an IPv4 address'],
  ['ipv6', 'an IPv6 address'],
]);

const types: ReadonlyMap<string, string> = new Map([
  ['string', 'text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'an object'],
  ['record', 'an object'],
  ['null', 'null'],
  ['undefined', 'nothing'],
  ['nan', 'no number'],
]);

/**
 * Says what a value should be and what it is, for schemas that say nothing themselves. It repeats
 * only choices, never other values: they may be secrets.
 */
export function issueSentence(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeName(issue.expected)}, found ${foundType(issue.input)}`;
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${listWords(issue.values)}, found ${foundChoice(issue.input)}`;
    case 'too_small':
      return `expected at least ${sizeOf(issue.minimum, issue.origin, issue.inclusive)}, found ${foundSize(issue.input)}`;
    case 'too_big':
      return `expected at most ${sizeOf(issue.maximum, issue.origin, issue.inclusive)}, found ${foundSize(issue.input)}`;
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}, found another number`;
    case 'invalid_format':
      return `expected ${formats.get(issue.format) ?? `the form ${issue.format}`}, found another text`;
    case 'unrecognized_keys':
      return `expected no field ${listWords(issue.keys)}, found ${issue.keys.length > 1 ? 'them' : 'it'}`;
    case 'invalid_union':
      return unionSentence(issue);
    default:
      return 'expected another value';
  }
}

/** Makes all schemas of this process say their problems in Gantry's words. */
export function useIssueSentences(): void {
  z.config({ localeError: issueSentence });
}

function typeName(type: string): string {
  return types.get(type) ?? type;
}

function foundType(input: unknown): string {
  if (input === null) return 'null';
  if (Array.isArray(input)) return 'a list';
  return typeName(typeof input);
}

function foundChoice(input: unknown): string {
  return typeof input === 'string' && input.length <= 60 ? JSON.stringify(input) : foundType(input);
}

function foundSize(input: unknown): string {
  if (typeof input === 'number') return String(input);
  if (typeof input === 'string' || Array.isArray(input)) return String(input.length);
  return 'another size';
}

function sizeOf(bound: number | bigint, origin: string, inclusive = true): string {
  const unit = units.get(origin);
  const size =
    unit === undefined
      ? String(bound)
      : `${bound} ${Number(bound) === 1 ? unit.slice(0, -1) : unit}`;
  return inclusive ? size : `${size}, without the bound itself`;
}

function listWords(words: readonly unknown[]): string {
  return words.map((word) => (typeof word === 'string' ? word : String(word))).join(', ');
}

/** A choice says its kinds if it has any, otherwise what each of its forms says. */
function unionSentence(issue: Extract<Issue, { code: 'invalid_union' }>): string {
  if (issue.discriminator !== undefined && Array.isArray(issue.options))
    return `expected ${issue.discriminator} among ${listWords(issue.options)}, found another`;

  const sentences = issue.errors.flatMap((issues) => issues.slice(0, 1).map(placedSentence));
  const [first = 'expected another value', ...others] = new Set(sentences);
  return [first, ...others].join(', or ');
}

function placedSentence({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}
