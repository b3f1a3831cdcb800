import { z } from 'zod';
import { GantryError } from '../base/error.ts';
import { listSome } from '../base/list-some.ts';
import { compareBytes } from '../domain/files/index.ts';
import { packageKey } from './database.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits');

const lockedPackage = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'expected the name of a Debian package'),
  version: z.string().regex(/^[A-Za-z0-9.+~:-]+$/, 'expected the version of a Debian package'),
  architecture: z.string().regex(/^[a-z0-9-]+$/, 'expected an architecture of Debian'),
  /** Path below the archive, never its host: `pool/main/r/redis/…`. */
  path: z
    .string()
    .regex(/^[A-Za-z0-9][^\s\\]*\.deb$/, 'expected the path of a .deb below its archive')
    .refine((path) => !path.split('/').includes('..') && !path.includes('://'), 'expected no ".."'),
  sha256,
  size: z.int().positive(),
});

/** One .deb of a closure. */
export type LockedPackage = z.infer<typeof lockedPackage>;

/**
 * Checks a package that a layer records.
 * @throws GantryError `artifact_invalid`
 */
export function parseRecordedPackage(value: unknown, path: string): LockedPackage {
  return parseRecorded(lockedPackage, value, path);
}

const lockedModule = z.strictObject({
  module: z.string(),
  /** The tag or digest of a reference; null for a directory, which has no version. */
  version: z.string().nullable(),
  /** Of a registry's manifest; of a directory, the digest of its manifest and packages. */
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256:<64 hex digits>'),
});

/** A required module whose packages are the base of a build. */
export type LockedModule = z.infer<typeof lockedModule>;

const accountName = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]*$/i, 'expected the name of a user or group');
const passwdField = z.string().regex(/^[^:\n]*$/, 'expected no colon');

const lockedAccounts = z.strictObject({
  users: z.array(
    z.strictObject({
      name: accountName,
      uid: z.int().min(0),
      /** The primary group. */
      group: accountName,
      gecos: passwdField,
      home: passwdField,
      shell: passwdField,
      /** The mode of a home directory that a script makes; null if a package ships it, or none. */
      home_mode: z.int().min(0).max(0o7777).nullable(),
      /** Whether a package of the base makes it. */
      base: z.boolean(),
    }),
  ),
  groups: z.array(
    z.strictObject({
      name: accountName,
      gid: z.int().min(0),
      members: z.array(accountName),
      base: z.boolean(),
    }),
  ),
});

/** Users and groups of a build, with their ids of the account's table. */
export type LockedAccounts = z.infer<typeof lockedAccounts>;

/**
 * Checks users and groups that layers record.
 * @throws GantryError `artifact_invalid`
 */
export function parseRecordedAccounts(value: unknown, path: string): LockedAccounts {
  return parseRecorded(lockedAccounts, value, path);
}

function parseRecorded<T extends z.ZodType>(schema: T, value: unknown, path: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;

  const [issue] = parsed.error.issues;
  const message = `expected a record that a lock can hold at ${path} of the layer, found a problem at ${issue?.path.join('.')}: ${issue?.message}`;
  throw new GantryError('artifact_invalid', message, { field: path, cause: parsed.error });
}

const lockSection = z.strictObject({
  architecture: z.string(),
  suite: z.string(),
  /** The package_spec that was resolved. */
  package_spec: z.array(z.string()),
  options: z.strictObject({ carve: z.boolean() }),
  requires: z.array(lockedModule),
  /**
   * Seconds since 1970: the date of the newest index. Later times of built files become this one,
   * so that a rebuild on another day gives the same bytes.
   */
  epoch: z.int().min(0),
  /** The users and groups that the maintainer scripts make. They exist before the scripts run. */
  accounts: lockedAccounts,
  /** The closure of the required modules' packages; empty if they have none. */
  base: z.array(lockedPackage),
  /** The closure of those and package_spec. */
  packages: z.array(lockedPackage),
});

/** What a build for one platform installs. */
export type LockSection = z.infer<typeof lockSection>;

const lockFile = z.strictObject({
  lock_version: z.literal(1),
  platforms: z.record(z.string(), lockSection),
});

/** `module.lock.json`: one section a platform. */
export type LockFile = z.infer<typeof lockFile>;

export const lockFileName = 'module.lock.json';

/**
 * Parses a lock file.
 * @throws GantryError `lock_invalid` with the first problem's key path
 */
export function parseLock(text: string, path: string): LockFile {
  const parsed = z.string().pipe(jsonText).pipe(lockFile).safeParse(text);
  if (parsed.success) return parsed.data;

  const [issue] = parsed.error.issues;
  const message = `expected a lock file of version 1 at ${path}, found a problem at ${issue?.path.join('.') || 'its top'}: ${issue?.message}; make it again with --update-lock`;
  throw new GantryError('lock_invalid', message, {
    field: issue?.path.join('.') ?? '',
    cause: parsed.error,
  });
}

const jsonText = z.transform((text: string, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    context.issues.push({ code: 'custom', message: (error as Error).message, input: text });
    return z.NEVER;
  }
});

/** Formats a lock file, sorted, so that git shows what changed. */
export function formatLock({ platforms }: LockFile): string {
  const sections = Object.entries(platforms)
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([platform, section]) => [
      platform,
      { ...section, base: sorted(section.base), packages: sorted(section.packages) },
    ]);
  return `${JSON.stringify({ lock_version: 1, platforms: Object.fromEntries(sections) }, null, 2)}\n`;
}

function sorted(packages: readonly LockedPackage[]): LockedPackage[] {
  return [...packages].sort((a, b) => compareBytes(packageKey(a), packageKey(b)));
}

/** What a lock section must have been made from to be used. */
export type LockInputs = Pick<LockSection, 'architecture' | 'suite' | 'package_spec' | 'requires'>;

/**
 * Returns why a section no longer fits its manifest, required modules and platform, as one clause;
 * undefined if it does.
 */
export function lockMismatch(section: LockSection, wanted: LockInputs): string | undefined {
  if (section.suite !== wanted.suite || section.architecture !== wanted.architecture) {
    return `it was made for ${section.suite} ${section.architecture}, the platform is ${wanted.suite} ${wanted.architecture}`;
  }

  const specs = differenceOf(section.package_spec, wanted.package_spec);
  if (specs !== undefined) return `package_spec ${specs}`;

  const modules = ({ module, digest }: LockedModule) => `${module} ${digest}`;
  const requires = differenceOf(section.requires.map(modules), wanted.requires.map(modules));
  return requires === undefined ? undefined : `the required modules changed: ${requires}`;
}

function differenceOf(before: readonly string[], after: readonly string[]): string | undefined {
  const added = after.filter((one) => !before.includes(one));
  const removed = before.filter((one) => !after.includes(one));
  const clauses = [
    ...(added.length > 0 ? [`has ${listSome(added)} more`] : []),
    ...(removed.length > 0 ? [`lacks ${listSome(removed)}`] : []),
  ];
  return clauses.length === 0 ? undefined : clauses.join(' and ');
}

/** Packages that differ between two closures, for the summary of an updated lock. */
export interface LockDifference {
  added: LockedPackage[];
  removed: LockedPackage[];
  changed: { before: LockedPackage; after: LockedPackage }[];
}

/** Compares two closures by package and version. */
export function compareLocked(
  before: readonly LockedPackage[],
  after: readonly LockedPackage[],
): LockDifference {
  const old = new Map(before.map((one) => [packageKey(one), one]));
  const fresh = new Map(after.map((one) => [packageKey(one), one]));

  return {
    added: sorted(after).filter((one) => !old.has(packageKey(one))),
    removed: sorted(before).filter((one) => !fresh.has(packageKey(one))),
    changed: sorted(after).flatMap((one) => {
      const known = old.get(packageKey(one));
      if (known === undefined || known.sha256 === one.sha256) return [];
      return [{ before: known, after: one }];
    }),
  };
}
