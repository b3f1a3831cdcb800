import { GantryError } from '../../shared/base/error.ts';
import type { AgentPaths } from '../paths.ts';
import type { AgentConfig } from '../state.ts';
import { findMountObstacle } from './probe.ts';

/** How a generation gets its files: as a mount of the signed image, or as a tree of its own. */
export type Layout = 'mount' | 'copy';

/**
 * The layout of the next generation. The way `directory` copies unless its enrolment says
 * otherwise: its root is used by programs that expect links to the machine's data.
 *
 * @throws `prerequisite_missing` when enrolment demands mounts and the machine cannot make them.
 */
export async function chooseLayout(
  { layout, way }: Pick<AgentConfig, 'layout' | 'way'>,
  paths: AgentPaths,
): Promise<Layout> {
  if (layout === 'copy' || (layout === 'auto' && way === 'directory')) return 'copy';

  const obstacle = await findMountObstacle(paths);
  if (obstacle === undefined) return 'mount';
  if (layout === 'auto') return 'copy';

  throw new GantryError(
    'prerequisite_missing',
    `Expected a machine that can mount compositions (Linux 6.5 with EROFS and overlayfs, mount, unshare, root), found: ${obstacle}. Set "layout" in ${paths.config} to "auto" to lay roots out by copy here.`,
    { found: obstacle },
  );
}
