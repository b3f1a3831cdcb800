import { join } from 'node:path';
import { eventually, readVersions, type Walk } from './context.ts';
import { buildAndPush } from './publish.ts';

/** Pre-releases, which no version of the module has. */
const [unsignedTag, strangerTag] = ['v0.2.0-unsigned', 'v0.2.0-stranger'];

export async function refuse(walk: Walk): Promise<void> {
  walk.step('Gantry refuses artifacts that are unsigned or signed by somebody else');
  const { candidates } = await readVersions(walk);
  const known = (tag: string) => candidates.find(({ tags }) => tags.includes(tag))?.digest;
  const unsigned = known(unsignedTag) ?? (await buildAndPush(walk, unsignedTag));
  const wrong = known(strangerTag) ?? (await publishAsStranger(walk));

  await walk.gantry('module', 'poll', walk.module);
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

async function publishAsStranger(walk: Walk): Promise<string> {
  const digest = await buildAndPush(walk, strangerTag);
  const ref = `${walk.repository}@${digest}`;
  await walk.gantry('module', 'sign', ref, '--key', join(walk.directory, 'stranger.key'));
  return digest;
}
