import type { z } from 'zod';
import { limits } from '../base/limits/index.ts';
import { editDistance } from '../base/nearest.ts';
import { describeValue, type KeyPath, type ManifestFinding } from './problem.ts';

/** What the keys of a manifest are called. */
export interface Vocabulary {
  schema: z.core.$ZodType;
  /** Keys that authors expect at the top level, with their actual place. */
  elsewhere: Record<string, string>;
}

/**
 * Converts the issues that zod found into sentences that say what was expected and what was found.
 */
export function schemaFindings(
  issues: readonly z.core.$ZodIssue[],
  value: unknown,
  vocabulary: Vocabulary,
): ManifestFinding[] {
  return issues.slice(0, limits.manifestProblemsMax).flatMap((issue): ManifestFinding[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys
        .slice(0, limits.manifestProblemsMax)
        .map((key) => unknownKeyFinding(vocabulary, issue.path, key));
    }

    if (issue.code === 'invalid_key') return [keyFinding(issue)];

    const found = readValue(value, issue.path);
    return [{ severity: 'error', path: issue.path, message: formatIssue(issue, found) }];
  });
}

const typeNames: Record<string, string> = {
  string: 'text',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

function formatIssue(issue: z.core.$ZodIssue, found: unknown): string {
  if (issue.code === 'invalid_type') {
    const expected = typeNames[issue.expected] ?? issue.expected;
    const quote =
      issue.expected === 'string' && ['number', 'boolean'].includes(typeof found)
        ? '; put it in quotes'
        : '';

    return `expected ${expected}, found ${describeValue(found)}${quote}`;
  }

  if (issue.code === 'invalid_value') {
    return `expected ${issue.values.map(String).join(' or ')}, found ${describeValue(found)}`;
  }

  // Issues with globs, requirements and the whole manifest are already complete sentences.
  return issue.code === 'custom'
    ? issue.message
    : `${issue.message}, found ${describeValue(found)}`;
}

function keyFinding({ path, issues }: z.core.$ZodIssueInvalidKey): ManifestFinding {
  const message = `${issues[0]?.message}, found ${describeValue(path.at(-1))}`;
  return { severity: 'error', path, atKey: true, message };
}

function unknownKeyFinding(
  { schema, elsewhere }: Vocabulary,
  path: KeyPath,
  key: string,
): ManifestFinding {
  const known = knownKeys(schema, path);
  const meant =
    (path.length === 0 && Object.hasOwn(elsewhere, key) ? elsewhere[key] : undefined) ??
    findNearest(key, known);
  const hint = meant ? `did you mean ${meant}?` : `expected one of ${known.join(', ')}`;

  return { severity: 'error', path: [...path, key], atKey: true, message: `unknown key; ${hint}` };
}

/** The keys that the schema knows of the mapping at a path. */
function knownKeys(schema: z.core.$ZodType, path: KeyPath): string[] {
  let at: z.core.$ZodType | undefined = schema;
  for (const key of path) {
    const type = unwrap(at);
    at = typeof key === 'number' ? type.def.element : type.def.shape?.[String(key)];
  }

  return Object.keys(unwrap(at).def.shape ?? {});
}

/** The parts of a zod type that lead to the types in it. */
interface Walked {
  def: {
    innerType?: z.core.$ZodType;
    element?: z.core.$ZodType;
    shape?: Record<string, z.core.$ZodType>;
  };
}

/** The type itself, without what makes it optional or gives it a default. */
function unwrap(type: z.core.$ZodType | undefined): Walked {
  const walked = type?._zod as Walked | undefined;
  if (walked === undefined) return { def: {} };
  return walked.def.innerType === undefined ? walked : unwrap(walked.def.innerType);
}

function readValue(value: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key],
    value,
  );
}

/** Returns the known key that differs from a misspelt one by only a few letters. */
function findNearest(key: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(key.length / 3));
  if (key.length > 40) return undefined;

  const lower = key.toLowerCase();
  const ranked = known.map((name) => ({
    name,
    distance: editDistance(lower, name.toLowerCase()),
  }));
  return ranked
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)[0]?.name;
}
