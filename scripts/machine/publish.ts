import { join } from 'node:path';
import { z } from 'zod';
import { eventually, expect, readVersions, seconds, type Walk } from '../walk/context.ts';
import { prepare } from '../walk/index.ts';
import { change, promote } from '../walk/promote.ts';
import { type Published, register } from '../walk/publish.ts';
import type { BuiltModule } from './modules.ts';

/** Pushes, signs and ingests a module, and promotes it to live with the approval of a reviewer. */
export async function publish(machine: Walk, built: BuiltModule): Promise<void> {
  machine.step(`${built.name} ${built.tag} is pushed, signed, ingested and promoted`);
  await goLive(machine, await ingest(machine, built));
}

/** A module that Gantry built a version of. */
export interface Ingested {
  module: string;
  version: Published;
}

/** Pushes and signs a module, and waits until Gantry built a version of it. */
export async function ingest(machine: Walk, built: BuiltModule): Promise<Ingested> {
  const walk = walkOf(machine, built.name);
  const reference = `${walk.repository}:${built.tag}`;
  await prepare(walk);
  await register(walk, built.category);

  const key = join(walk.directory, 'author.key');
  const pushed = await walk.gantry('module', 'push', built.dist, reference, '--sign', '--key', key);
  const digest = z.string().parse(pushed.answer.digest);

  const pushedAt = performance.now();
  await walk.gantry('module', 'poll', built.name);
  const version = await eventually(`${reference} to be built`, async () => {
    const { versions, candidates } = await readVersions(walk);
    const refused = candidates.find((one) => one.digest === digest && one.state === 'rejected');
    expect(refused === undefined, `a version, found ${refused?.code}: ${refused?.message}`);
    return versions.find((one) => one.digest === digest && one.promotion_state === 'built');
  });
  walk.saw(`${built.name} ${version.version_string} is built after ${seconds(pushedAt)}`);

  const { id, composefs_digest: composefs, promotion_state: state } = version;
  return { module: built.name, version: { id, tag: built.tag, composefs, state } };
}

/** Promotes a version to live. A reviewer approves it. */
export async function goLive(machine: Walk, { module, version }: Ingested): Promise<void> {
  await promote(walkOf(machine, module), version);
}

/** Assigns modules to the template. What needs a privilege waits for the reviewer. */
export async function assign(machine: Walk, template: string, module: string): Promise<void> {
  const walk = walkOf(machine, module);
  await change(walk, 'assignment', 'add', template, module);
  walk.saw(`${template} has ${module}`);
}

/** Makes the version live again that was live before. */
export async function undo(machine: Walk, module: string): Promise<void> {
  const walk = walkOf(machine, module);
  await change(walk, 'module', 'rollback', module);
  walk.saw(`${module} of before is live`);
}

function walkOf(walk: Walk, module: string): Walk {
  const repository = walk.repository.replace(/[^/]+$/, module);
  return { ...walk, module, repository };
}
