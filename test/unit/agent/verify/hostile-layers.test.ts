import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Agent, openAgent, openEnrolment } from '../../../../agent/agent.ts';
import { tick } from '../../../../agent/tick.ts';
import type { DesiredState } from '../../../../shared/contract/reconcile/index.ts';
import { hostileArchives, hostileEncodings } from '../../../support/hostile/encodings.ts';
import { hostileMembers } from '../../../support/hostile/tree-members.ts';
import { rawModuleTar } from '../../../support/tar-archive.ts';
import { type Module, World } from '../world.ts';

// An author whose key was stolen, together with a platform that lets everything in: the layer is
// signed and the desired state names it, so only the machine itself is left to refuse it.

let world: World;
let module: Module;
/** Kept open, as by `gantry agent run`: what a layer leaves behind, the tick itself must remove. */
let agent: Agent;
let version = 0;
beforeAll(async () => {
  world = await World.start();
  await world.enroll();
  module = await world.module({ name: 'site', files: { '/srv/index.html': 'a page' } });
  await world.publish({ modules: [module], version: ++version });
  await world.run();
  agent = await openAgent(await openEnrolment({ dir: world.dir }));
});
afterAll(() => world.stop());

/** Signs the archive as the module's layer, and has the desired state name it. */
async function publish(tar: Buffer): Promise<void> {
  const layer_digest = world.put(tar);
  const digest = world.put(
    JSON.stringify({ layers: [{ digest: layer_digest, size: tar.length }] }),
  );

  world.sign(digest, world.author.privateKey);
  const change = ({ layers }: DesiredState) =>
    void Object.assign(layers[0] as object, {
      digest,
      manifest_digest: digest,
      layer_digest,
      layer_size: tar.length,
    });

  await world.publish({ modules: [module], version: ++version, change });
}

/**
 * Everything below the machine's directory, but for documents and signatures, which name
 * themselves.
 */
async function files(): Promise<string[]> {
  const names = await readdir(world.dir, { recursive: true });
  return names
    .filter((name) => !name.startsWith('store/documents') && !name.startsWith('store/signatures'))
    .sort();
}

const archives: [string, string, Buffer][] = [
  ...[...hostileMembers, ...hostileEncodings].map(
    ([what, code, members]): [string, string, Buffer] => [what, code, rawModuleTar(members)],
  ),
  ...hostileArchives,
];

describe('a signed layer', () => {
  it.each(archives)('with %s gets nothing onto a machine', async (_, code, tar) => {
    const before = await files();
    await publish(tar);

    const { report, generation } = await tick(agent);
    expect(report).toMatchObject({
      status: 'refused',
      code: 'layer_mismatch',
      desired_state_version: 1,
    });

    // Whether devices may be shipped was decided where it was registered; here they are not what
    // was composed.
    if (code !== 'tar_device_refused') expect(report.message).toContain(code);
    expect(generation).toBe(1);
    expect(await files()).toEqual(before);
  });
});
