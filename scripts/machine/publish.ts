import { join } from 'node:path';
import { z } from 'zod';
import { eventually, expect, readVersions, seconds, type Walk } from '../walk/context.ts';
import { prepare } from '../walk/index.ts';
import { change, promote } from '../walk/promote.ts';
import { register } from '../walk/publish.ts';
import type { BuiltModule } from './modules.ts';

/** Pushes, signs and ingests a module, and promotes it to live with the approval of a reviewer. */
export async function publish(machine: Walk, built: BuiltModule): Promise<void> {
  const walk = walkOf(machine, built.name);
  const reference = `${walk.repository}:${built.tag}`;
  walk.step(`${built.name} ${built.tag} is pushed, signed, ingested and promoted`);
  await prepare(walk);
  await register(walk, built.category);

  const pushed = await walk.gantry('module', 'push', built.dist, reference);
  const digest = z.string().parse(pushed.answer.digest);
  await walk.gantry('module', 'sign', reference, '--key', join(walk.directory, 'author.key'));

  const pushedAt = performance.now();
  await walk.gantry('module', 'poll', built.name);
  const version = await eventually(`${reference} to be built`, async () => {
    const { versions, candidates } = await readVersions(walk);
    const refused = candidates.find((one) => one.digest === digest && one.state === 'rejected');
    expect(refused === undefined, `a version, found ${refused?.code}: ${refused?.message}`);
    return versions.find((one) => one.digest === digest && one.promotion_state === 'built');
  });
  walk.saw(`${built.name} ${version.version_string} is built after ${seconds(pushedAt)}`);

  await promote(walk, {
    id: version.id,
    tag: built.tag,
    composefs: version.composefs_digest,
    state: version.promotion_state,
  });
}

/** Assigns modules to the template. What needs a privilege waits for the reviewer. */
export async function assign(machine: Walk, template: string, module: string): Promise<void> {
  const walk = walkOf(machine, module);
  await change(walk, 'assignment', 'add', template, module);
  walk.saw(`${template} has ${module}`);
}

function walkOf(walk: Walk, module: string): Walk {
  const repository = walk.repository.replace(/[^/]+$/, module);
  return { ...walk, module, repository };
}
