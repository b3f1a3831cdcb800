export { copyTree, debianTree } from '../../scripts/machine/debian-tree.ts';
export { Machine } from '../../scripts/machine/nspawn.ts';
