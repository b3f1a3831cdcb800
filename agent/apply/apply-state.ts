import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { moduleLabel } from '../../shared/domain/templates/index.ts';
import type { Agent } from '../agent.ts';
import { readIfPresent, writeAtomic } from '../files.ts';
import { chooseLayout } from '../mount/choose-layout.ts';
import { writeJson } from '../state.ts';
import { hexOf } from '../verify/store.ts';
import type { VerifiedContent } from '../verify/verify-content.ts';
import { requireCopySpace } from './copy-space.ts';
import { buildGeneration, type Generation } from './generation.ts';

export interface Applied {
  content: VerifiedContent;
  generation: Generation;
}

/**
 * Lays verified content out as the next generation, and switches to it.
 *
 * @throws `disk_full` when the disk has no room for a copy
 */
export async function layOutGeneration(
  agent: Agent,
  content: VerifiedContent,
  desiredState: Buffer,
): Promise<Generation> {
  const { paths, store, config } = agent;
  const layout = await chooseLayout(config, paths);
  if (layout === 'copy') await requireCopySpace(content.tree, store, paths);

  return buildGeneration({
    paths,
    store,
    tree: content.tree,
    layout,
    image: relative(join(paths.generations, 'any'), await writeImage(agent, content)),
    writablePaths: config.writable_paths,
    desiredState,
  });
}

/** Writes the image that the desired state signs. It is computed here, so it needs no download. */
async function writeImage({ paths }: Agent, { image, desired }: VerifiedContent): Promise<string> {
  const path = join(paths.images, `${hexOf(desired.state.composition_digest)}.erofs`);
  if (!(await readIfPresent(path))?.equals(image)) await writeAtomic(path, image);
  return path;
}

/** Notes in state.json what runs. */
export async function saveApplied(agent: Agent, { content, generation }: Applied): Promise<void> {
  const { state, version } = content.desired;
  const next = {
    ...agent.state,
    generation: generation.number,
    applied_version: version,
    composition_digest: state.composition_digest,
    running_module_digests: Object.fromEntries(
      state.layers.map((layer) => [
        moduleLabel(agent.config.account, layer.account, layer.module),
        layer.composefs_digest,
      ]),
    ),
    applied_at:
      agent.state.generation === generation.number
        ? agent.state.applied_at
        : agent.now().toISOString(),
  };

  if (isDeepStrictEqual(next, agent.state)) return;

  agent.state = next;
  await writeJson(agent.paths.state, next);
}
