import { notEnrolledError } from '../agent.ts';
import { currentGeneration } from '../apply/generation.ts';
import { takeLock } from '../lock.ts';
import { mountGeneration } from '../mount/generation-mounts.ts';
import { agentPaths } from '../paths.ts';
import { agentConfig, readJson } from '../state.ts';

export interface Booted {
  /** Number of the generation that `current` points to; 0 when there is none yet. */
  generation: number;
  /** Path of its root. */
  path: string | undefined;
}

/**
 * Makes the mounts of the running generation again, which end with a reboot, before services start
 * that use it. It needs no network, and nothing but files below the directory.
 *
 * @throws `prerequisite_missing` when the directory is not enrolled; `conflict` while an agent
 * works in it; `root_tampered`, `mount_found`
 */
export async function boot({ dir }: { dir: string }): Promise<Booted> {
  const paths = agentPaths(dir);
  const config = await readJson(paths.config, agentConfig, 'Remove it, and enrol again.');
  if (config === undefined) throw notEnrolledError(dir);

  const release = await takeLock(paths.lock);
  try {
    const generation = await currentGeneration(paths);
    if (generation === undefined) return { generation: 0, path: undefined };

    const { number, path, layout } = generation;
    const writablePaths = config.writable_paths;
    if (layout === 'mount') await mountGeneration({ paths, number, writablePaths });
    return { generation: number, path };
  } finally {
    await release();
  }
}
