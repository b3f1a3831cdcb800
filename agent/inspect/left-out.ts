import { z } from 'zod';
import { pathsOfTop } from '../apply/lay-out-tree.ts';
import { isRoot } from '../apply/tree-paths.ts';
import type { Layout } from '../mount/choose-layout.ts';
import type { ExpectedTree } from '../verify/expected-tree.ts';

export const leftOutSchema = z.object({
  /** A sentence for the report. */
  message: z.string(),
});

/** What a root lacks of its composition, because this machine cannot hold it. */
export type LeftOut = z.infer<typeof leftOutSchema>;

/**
 * What a root that was laid out lacks; undefined when nothing. The image of a mounted root has
 * everything.
 */
export function findLeftOut(tree: ExpectedTree, layout: Layout): LeftOut | undefined {
  const { entries, shippedData } = tree;
  const top = pathsOfTop(tree);
  const made = layout === 'copy' ? entries : entries.filter(({ path }) => top.has(path));
  let attributes = 0;
  let devices = 0;

  for (const entry of [...made, ...shippedData]) {
    if (entry.xattrs !== undefined && Object.keys(entry.xattrs).length > 0) attributes++;
    if (!isRoot && (entry.type === 'character' || entry.type === 'block')) devices++;
  }

  const parts: string[] = [];
  if (attributes > 0) parts.push(`the extended attributes of ${attributes} entries`);
  if (devices > 0) parts.push(`${devices} devices, which only root can make`);

  return parts.length === 0 ? undefined : { message: `Left out: ${parts.join(' and ')}.` };
}
