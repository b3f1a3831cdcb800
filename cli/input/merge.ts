import type { Command } from 'commander';
import type { Metadata } from '../../shared/domain/templates/index.ts';
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
 * Returns the metadata with the keys that the flags set and without those that they unset;
 * undefined if no flag changes it.
 */
export function mergeMetadata(
  present: Metadata,
  { set, unset, replace }: MetadataFlags,
): Metadata | undefined {
  if (set === undefined && unset === undefined) return undefined;

  const kept = replace ? [] : Object.entries(present);
  const added = Object.entries(parseMetadata(set ?? []));
  return Object.fromEntries(
    [...kept, ...added].filter(([key]) => unset === undefined || !unset.includes(key)),
  );
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
