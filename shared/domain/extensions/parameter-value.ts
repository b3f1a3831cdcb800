import { Temporal } from 'temporal-polyfill';
import { z } from 'zod';
import { limits } from '../../base/limits/index.ts';
import type { ActionParameter, ParameterFormat } from './manifest.ts';

/** A value as the payload of a script has it. A DATE is its text. */
export type ParameterValue = boolean | number | string;

/** The value, or what was expected. The text of a problem never holds the value. */
export type ReadValue = { value: ParameterValue } | { expected: string };

type Shape = Pick<ActionParameter, 'type' | 'validationformat' | 'valueoptions'>;

/**
 * Reads a value of a parameter: of its JSON type, or as text, as forms and command lines give it.
 */
export function readParameterValue(parameter: Shape, given: unknown): ReadValue {
  const read = readers[parameter.type](given, parameter.validationformat);
  if ('expected' in read || parameter.valueoptions.length === 0) return read;

  const options = parameter.valueoptions.map((option) => readOption(parameter, option));
  return options.includes(read.value)
    ? read
    : { expected: `one of ${parameter.valueoptions.map((option) => `"${option}"`).join(', ')}` };
}

/** Reads an option of a manifest. Undefined if it lacks the format of its parameter. */
export function readOption({ type, validationformat }: Shape, option: string) {
  const read = readers[type](option, validationformat);
  return 'value' in read ? read.value : undefined;
}

type Reader = (given: unknown, format: ParameterFormat) => ReadValue;

const readers: Record<ActionParameter['type'], Reader> = {
  BOOLEAN: (given) => {
    if (typeof given === 'boolean') return { value: given };
    if (given === 'true' || given === 'false') return { value: given === 'true' };
    return { expected: 'true or false' };
  },
  DATE: (given) =>
    typeof given === 'string' && isDate(given)
      ? { value: given }
      : { expected: 'a date with time and zone of RFC 3339, such as 2026-12-01T06:00:00Z' },
  NUMBER: (given, format) => (format === 'DECIMAL' ? readDecimal(given) : readInteger(given)),
  STRING: (given, format) => readString(given, format),
};

const datePattern = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

function isDate(text: string): boolean {
  if (text.length > limits.parameterWordMax || !datePattern.test(text)) return false;
  try {
    Temporal.Instant.from(text.toUpperCase());
    return true;
  } catch {
    return false;
  }
}

function readInteger(given: unknown): ReadValue {
  const value = toNumber(given, /^[+-]?\d+$/);
  if (Number.isSafeInteger(value)) return { value: value as number };
  return { expected: 'a whole number from -9007199254740991 to 9007199254740991' };
}

function readDecimal(given: unknown): ReadValue {
  const value = toNumber(given, /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/);
  if (Number.isFinite(value)) return { value: value as number };
  return { expected: 'a finite decimal number such as 7 or 0.5' };
}

/** Undefined for what is no number. A zero has no sign, which JSON would lose. */
function toNumber(given: unknown, pattern: RegExp): number | undefined {
  if (typeof given === 'number') return given + 0;
  if (typeof given !== 'string' || given.length > limits.parameterWordMax) return undefined;
  return pattern.test(given) ? Number(given) + 0 : undefined;
}

/** What text of a format must be, besides being text that a JSON file and a row can hold. */
const formats: Record<ParameterFormat, { expected: string; test: (text: string) => boolean }> = {
  NONE: { expected: 'text', test: () => true },
  DECIMAL: { expected: 'text', test: () => false },
  EMAIL: { expected: 'an email address', test: (text) => z.email().safeParse(text).success },
  PASSWORD: { expected: 'a password that is not blank', test: (text) => text.trim() !== '' },
  URL: { expected: 'an http or https URL', test: isWebUrl },
  UUID: {
    expected: 'a UUID of 32 hexadecimal digits in groups of 8-4-4-4-12',
    test: (text) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text),
  },
};

function readString(given: unknown, format: ParameterFormat): ReadValue {
  const { expected, test } = formats[format];
  if (typeof given !== 'string' || given === '') return { expected };

  if (given.includes('\0') || !given.isWellFormed()) {
    return { expected: `${expected}, without NUL and in whole Unicode characters` };
  }

  const max = limits.parameterBytesMax;
  if (Buffer.byteLength(given) > max) return { expected: `${expected} of at most ${max} bytes` };
  return test(given) ? { value: given } : { expected };
}

function isWebUrl(text: string): boolean {
  if (/[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) return false;
  return ['http:', 'https:'].includes(new URL(text).protocol);
}
