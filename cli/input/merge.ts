import type { Command } from 'commander';
import type { MetadataPatch } from '../../shared/domain/templates/index.ts';
import { collect, parseMetadata } from '../command.ts';

export interface MetadataFlags {
  set?: string[];
  unset?: string[];
  replace?: true;
}

/** Adds the options that change the metadata of something that exists. */
export function addMergeOptions(command: Command): Command {
  return command
    .option('--set <key=value>', 'set a metadata key; the other keys stay (repeatable)', collect)
    .option('--unset <key>', 'remove a metadata key (repeatable)', collect)
    .option('--replace', 'replace all keys or clusters by those given here');
}

/**
 * Returns the keys that the flags set, and null for those that they unset: a merge patch, or with
 * `--replace` all of the metadata. Undefined if no flag changes it.
 */
export function metadataPatch({ set, unset, replace }: MetadataFlags): MetadataPatch | undefined {
  if (set === undefined && unset === undefined) return undefined;

  const added = Object.entries(parseMetadata(set ?? [])).filter(([key]) => !unset?.includes(key));
  const removed = replace ? [] : (unset ?? []).map((key) => [key, null] as const);
  return Object.fromEntries([...added, ...removed]);
}

/** A cluster that an option adds (`+tokyo`) or removes (`-tokyo`). */
export const addCluster = (name: string, edits: string[] = []): string[] => [...edits, `+${name}`];
export const removeCluster = (name: string, edits: string[] = []): string[] => [
  ...edits,
  `-${name}`,
];

/** Applies the edits in their order; undefined if there are none. */
export function mergeClusters(
  present: readonly string[],
  edits: readonly string[] | undefined,
  replace: true | undefined,
): string[] | undefined {
  if (edits === undefined) return undefined;

  const clusters = new Set(replace ? [] : present);
  for (const edit of edits) {
    const name = edit.slice(1);
    if (edit.startsWith('+')) clusters.add(name);
    else clusters.delete(name);
  }

  return [...clusters];
}
