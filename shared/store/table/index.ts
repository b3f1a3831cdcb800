export type { Attributes } from './attributes.ts';
export { boundsOf, requireBounds, requireKeys } from './bounds.ts';
export * from './condition.ts';
export { entity } from './entity.ts';
export type { Page, Range } from './reads.ts';
export {
  attempt,
  type Db,
  raced,
  rowOf,
  type SkippedRow,
  transact,
  transactUnlessRaced,
  type Write,
} from './write.ts';
export type { Draft, Revised } from './writes.ts';

/** Due work is platform-wide and spread over this many partitions of an index. */
export const dueShards = 8;
