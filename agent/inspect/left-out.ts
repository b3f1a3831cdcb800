import { join } from 'node:path';
import { z } from 'zod';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import { findLackingAttributes } from '../apply/extended-attributes.ts';
import type { Generation } from '../apply/generation.ts';
import { pathsOfTop } from '../apply/lay-out-tree.ts';
import { isRoot, pathInRoot } from '../apply/tree-paths.ts';
import type { AgentPaths } from '../paths.ts';
import type { ExpectedTree } from '../verify/expected-tree.ts';

export const leftOutSchema = z.object({
  /** A sentence for the report. */
  message: z.string(),
  /** Whether programs may behave differently without it: devices, capabilities, access lists. */
  matters: z.boolean(),
});

/** What a root lacks of its composition, because this machine cannot hold it. */
export type LeftOut = z.infer<typeof leftOutSchema>;

/** Attributes that decide what a program may do (xattr(7)). Others are notes of somebody. */
const deciding = /^(security|system)\./;

/**
 * What a root that was laid out lacks; undefined when nothing. The image of a mounted root has
 * everything, so only what is beside the image counts there.
 */
export async function findLeftOut(
  tree: ExpectedTree,
  { path: root, layout }: Pick<Generation, 'path' | 'layout'>,
  { machineData }: Pick<AgentPaths, 'machineData'>,
): Promise<LeftOut | undefined> {
  const { entries, shippedData } = tree;
  const top = pathsOfTop(tree);
  const made = layout === 'copy' ? entries : entries.filter(({ path }) => top.has(path));
  const devices = isRoot ? [] : [...made, ...shippedData].filter(isDevice);

  const lacking = await findLackingAttributes([
    ...made.map((entry) => ({ entry, path: pathInRoot(root, entry.path) })),
    ...shippedData.map((entry) => ({ entry, path: join(machineData, entry.path) })),
  ]);

  const parts: string[] = [];
  if (lacking.length > 0) parts.push(`the extended attributes of ${lacking.length} entries`);
  if (devices.length > 0) parts.push(`${devices.length} devices, which only root can make`);
  if (parts.length === 0) return undefined;

  const matters = devices.length > 0 || lacking.flat().some((name) => deciding.test(name));
  return { message: `Left out: ${parts.join(' and ')}.`, matters };
}

function isDevice({ type }: TreeEntry): boolean {
  return type === 'character' || type === 'block';
}
