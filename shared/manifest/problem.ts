import { GantryError } from '../base/error.ts';

/** A problem at a position in a manifest. */
export interface ManifestProblem {
  severity: 'error' | 'warning';
  /** 1-based, in characters of the text as written. */
  line: number;
  column: number;
  /** Key path as written, e.g. `dependencies.requires[1]`; empty for the whole document. */
  path: string;
  message: string;
}

/**
 * The error for an unusable manifest. `problems`, also in `details`, holds all errors and warnings
 * in the order of the text.
 */
export class ModuleManifestSchemaError extends GantryError {
  readonly problems: ManifestProblem[];

  constructor(problems: ManifestProblem[]) {
    const errors = problems.filter(({ severity }) => severity === 'error');
    const first = errors[0];
    const more = errors.length > 1 ? `, and ${errors.length - 1} more` : '';

    super(
      'ModuleManifestSchemaError',
      `The module manifest is invalid: ${first ? formatProblem(first) : 'no reason'}${more}`,
      {
        ...(first?.path ? { field: first.path } : {}),
        details: { problems },
      },
    );

    this.problems = problems;
  }
}

/** `line 3, column 5: name: expected …`. */
export function formatProblem({ line, column, path, message }: ManifestProblem): string {
  return `line ${line}, column ${column}: ${path ? `${path}: ` : ''}${message}`;
}

/** Keys and indexes from the document's root to a value. */
export type KeyPath = readonly PropertyKey[];

/** `['dependencies', 'requires', 1]` → `dependencies.requires[1]`. */
export function formatKeyPath(path: KeyPath): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

/** A problem before its position in the text is known. */
export interface ManifestFinding {
  severity: 'error' | 'warning';
  path: KeyPath;
  /** Whether the problem is with the key that `path` ends in, not with its value. */
  atKey?: boolean;
  message: string;
}

/** Formats a value for an error message. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return `the ${typeof value} ${String(value)}`;

  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}
