import { createHash } from 'node:crypto';
import { Metadata, MetadataKind, type Root, type Targets } from '@tufjs/models';
import { z } from 'zod';
import { GantryError } from '../base/error.ts';

/** The target that Gantry stores. */
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
 * What Gantry stores of a TUF repository: metadata and target as fetched. So the next refresh knows
 * the lowest versions that it may accept (TUF 1.0.34, section 5), and every reader can verify the
 * state from the shipped root.
 */
export type TrustState = z.infer<typeof trustStateSchema>;

/** A state whose target was verified from the shipped root. */
export interface OpenedTrust {
  state: TrustState;
  /** The target as parsed JSON. */
  trustedRoot: unknown;
  /** SHA-256 of the target's bytes. Verdicts name it as the version of the trust root. */
  version: string;
  /** When the first of the four roles expires (ISO 8601). After that, a refresh is overdue. */
  fresh_until: string;
}

/**
 * Verifies a stored state from `anchor` on: each newer root by its predecessor and by itself, the
 * targets by the last root, the target by its digest. So write access to the store does not make
 * anything trusted. Expired metadata still counts if it was fetched in time; `fresh_until` says
 * when a refresh is overdue.
 * @param anchor root metadata (JSON text) that this release ships
 * @throws GantryError `trust_root_refused`
 */
export function openTrustState(kept: unknown, anchor: string): OpenedTrust {
  try {
    const state = trustStateSchema.parse(kept);
    const root = findNewestRoot(anchor, state.roots);
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
      fresh_until: findFirstExpiry(root, targets, state),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GantryError(
      'trust_root_refused',
      `expected a trust root that verifies from the shipped root: ${reason}`,
      {
        cause,
      },
    );
  }
}

/**
 * Verifies a chain of roots and returns the last one. It skips roots that are not newer than the
 * anchor.
 */
export function findNewestRoot(anchor: string, roots: readonly string[]): Metadata<Root> {
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

function findFirstExpiry(
  root: Metadata<Root>,
  targets: Metadata<Targets>,
  state: TrustState,
): string {
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
