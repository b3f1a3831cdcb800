import { createHash } from 'node:crypto';
import { Metadata, MetadataKind, type Root, type Targets } from '@tufjs/models';
import { z } from 'zod';
import { GantryError } from '../base/error.ts';

/** The target that is kept. */
export const trustedRootTarget = 'trusted_root.json';

const text = z.string().min(1);
const trustStateSchema = z.object({
  roots: z.array(text),
  timestamp: text,
  snapshot: text,
  targets: text,
  trusted_root: text,
});

/**
 * What is kept of a TUF repository: metadata and target as fetched, so that the next refresh knows the versions that it must
 * not go below (TUF 1.0.34, section 5), and whoever reads it can verify it up from the shipped root.
 */
export type TrustState = z.infer<typeof trustStateSchema>;

/** A state whose target is what the shipped root vouches for. */
export interface OpenedTrust {
  state: TrustState;
  /** The target as parsed JSON. */
  trustedRoot: unknown;
  /** SHA-256 of the target's bytes: the version of the trust root in verdicts. */
  version: string;
  /** When the first of the four roles expires: past it, a refresh is overdue. ISO 8601. */
  fresh_until: string;
}

/**
 * Verifies a kept state up from `anchor`: each newer root by the one before it and by itself, the targets by the last, the
 * target by its digest. So whoever can write where the state is kept cannot have anything trusted by it. That metadata has
 * expired does not matter here: what was fetched in its time goes on counting, `fresh_until` tells.
 * @param anchor root metadata that came with the code, JSON text
 * @throws GantryError `trust_root_refused`
 */
export function openTrustState(kept: unknown, anchor: string): OpenedTrust {
  try {
    const state = trustStateSchema.parse(kept);
    const root = newestRoot(anchor, state.roots);
    const targets = Metadata.fromJSON(MetadataKind.Targets, JSON.parse(state.targets));
    root.verifyDelegate(MetadataKind.Targets, targets);
    const version = sha256(Buffer.from(state.trusted_root));
    const expected = targets.signed.targets[trustedRootTarget]?.hashes.sha256;
    if (version !== expected) {
      throw new Error(
        `expected ${trustedRootTarget} with SHA-256 ${expected ?? 'of the targets'}, found ${version}`,
      );
    }
    return {
      state,
      trustedRoot: JSON.parse(state.trusted_root),
      version,
      fresh_until: firstExpiry(root, targets, state),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GantryError(
      'trust_root_refused',
      `expected a trust root that the shipped root vouches for: ${reason}`,
      {
        cause,
      },
    );
  }
}

/** The last of a chain of roots. Those up to the anchor's version, from before it was shipped, are passed over. */
export function newestRoot(anchor: string, roots: readonly string[]): Metadata<Root> {
  let root = readRoot(anchor);
  for (const text of roots) {
    const next = readRoot(text);
    if (next.signed.version <= root.signed.version) continue;
    if (next.signed.version !== root.signed.version + 1) {
      throw new Error(`expected root ${root.signed.version + 1}, found ${next.signed.version}`);
    }
    root.verifyDelegate(MetadataKind.Root, next);
    next.verifyDelegate(MetadataKind.Root, next);
    root = next;
  }
  return root;
}

function readRoot(text: string): Metadata<Root> {
  return Metadata.fromJSON(MetadataKind.Root, JSON.parse(text));
}

function firstExpiry(root: Metadata<Root>, targets: Metadata<Targets>, state: TrustState): string {
  const timestamp = Metadata.fromJSON(MetadataKind.Timestamp, JSON.parse(state.timestamp));
  root.verifyDelegate(MetadataKind.Timestamp, timestamp);
  const snapshot = Metadata.fromJSON(MetadataKind.Snapshot, JSON.parse(state.snapshot));
  root.verifyDelegate(MetadataKind.Snapshot, snapshot);
  const times = [root, targets, timestamp, snapshot].map(({ signed }) =>
    Date.parse(signed.expires),
  );
  return new Date(Math.min(...times)).toISOString();
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
