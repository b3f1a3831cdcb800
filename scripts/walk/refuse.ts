import { join } from 'node:path';
import { eventually, moduleName, readVersions, type Walk } from './context.ts';
import { buildAndPush } from './publish.ts';

export async function refuse(walk: Walk): Promise<void> {
  walk.step('Gantry refuses artifacts that are unsigned or signed by somebody else');
  const unsigned = await buildAndPush(walk, makeUnusedTag('unsigned'));
  const wrong = await buildAndPush(walk, makeUnusedTag('stranger'));

  await walk.gantry(
    'module',
    'sign',
    `${walk.repository}@${wrong}`,
    '--key',
    join(walk.directory, 'stranger.key'),
  );

  await walk.gantry('module', 'poll', moduleName);
  const seen = await eventually('both to be judged', async () => {
    const { candidates } = await readVersions(walk);
    const of = (digest: string, state: string) =>
      candidates.find((one) => one.digest === digest && one.state === state);
    const waiting = of(unsigned, 'awaiting_signature');
    const rejected = of(wrong, 'rejected');

    return waiting !== undefined && rejected !== undefined ? { waiting, rejected } : undefined;
  });

  walk.saw(`unsigned: ${seen.waiting.state}: ${seen.waiting.message}`);
  walk.saw(`stranger: ${seen.rejected.state}: ${seen.rejected.code}: ${seen.rejected.message}`);
}

/** Makes the tag of a pre-release that no earlier walk used. */
function makeUnusedTag(what: string): string {
  return `v0.2.0-${what}.${Date.now().toString(36)}`;
}
