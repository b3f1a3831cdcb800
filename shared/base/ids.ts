import { createHash } from 'node:crypto';
import { ulid } from 'ulid';
import { z } from 'zod';

/**
 * Identifiers. `<prefix>_<ULID>` where order in time matters; derived from content where the same
 * thing must always get the same id.
 */
export const idPrefixes = {
  member: 'mbr',
  token: 'tok',
  template: 'tpl',
  assignment: 'asg',
  instance: 'ins',
  operation: 'op',
  approval: 'apr',
  event: 'evt',
  notice: 'ntc',
  hook: 'hook',
  job: 'job',
} as const;

export type IdKind = keyof typeof idPrefixes;

/** A new id of a kind, sorting by time of making. */
export function newId(kind: IdKind): string {
  return `${idPrefixes[kind]}_${ulid()}`;
}

/** A zod schema of one kind of id. */
export function idSchema(kind: IdKind) {
  return z
    .string()
    .regex(
      new RegExp(`^${idPrefixes[kind]}_[0-9A-HJKMNP-TV-Z]{26}$`),
      `expected ${idPrefixes[kind]}_<ULID>`,
    );
}

/** `<account>/<name>` → `<name>-<first 8 hex of its SHA-256>` (product.md, section 1). */
export function moduleId(account: string, name: string): string {
  return `${name}-${sha256Hex(`${account}/${name}`).slice(0, 8)}`;
}

/**
 * The id of a version, and of the candidate that it was before: derived from (account, module,
 * digest), so that a second ingest of the same digest names the same record.
 */
export function versionId(account: string, module: string, digest: string): string {
  return `ver_${sha256Hex(`${account}/${module}@${digest}`).slice(0, 24)}`;
}

export const versionIdSchema = z
  .string()
  .regex(/^ver_[0-9a-f]{24}$/, 'expected ver_<24 hex digits>');

/** `sha256:<64 hex>`: digests of manifests, layers and composefs images, as OCI writes them. */
export const digestSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256:<64 hex digits>');

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
