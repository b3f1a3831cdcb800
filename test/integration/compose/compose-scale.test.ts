import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { makeLayer } from '../../../bench/synthetic-layer.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { encodeFileIndex } from '../../../shared/artifact/index.ts';
import { mapConcurrently } from '../../../shared/base/concurrency.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { createModule, createVersion, noteProvider } from '../../../shared/store/modules/index.ts';
import { objectKeys, putByDigest } from '../../../shared/store/objects.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { assign, shippedBuild, storedModule, storedVersion } from '../../support/stored.ts';
import { World } from '../../support/world.ts';

// An account with hundreds of modules, a template with a hundred of them, each with a thousand
// files.
const modules = 300;
const assigned = 100;
const versions = ['1.0.0', '1.1.0', '1.2.0'];
let world: World;
let template: Template;

beforeAll(async () => {
  world = await World.create('registry.example');
  template = await createTemplate(world.services, world.caller, {
    name: 'large',
    platform: 'ubuntu-24.04-amd64',
  });

  const numbers = Array.from({ length: modules }, (_, number) => number);
  await mapConcurrently(numbers, 20, (number) => store(number));
  await mapConcurrently(numbers.slice(0, assigned), 20, (number) =>
    assign(world.services.db, template, `${world.account}/module-${number}`),
  );
});
afterAll(() => world.close());

async function store(number: number): Promise<void> {
  const { account } = world;
  const { db, objects } = world.services;
  const { module, protected_spec, entries } = makeLayer(number);
  const last = number === modules - 1;
  const used = number < assigned || last;
  const key = objectKeys.fileIndex(account, `sha256:${module}`);
  if (used)
    await putByDigest(
      objects,
      { key, body: await encodeFileIndex(entries), type: 'application/gzip' },
      new Date(),
    );
  // Each needs the first one, by name, and what the last module of the account alone provides.
  const requires = number === 0 || last ? [] : ['module-0@^1.0', 'log-sink@*'];
  const provides = last ? ['log-sink'] : ['something-else'];
  const dependencies = { requires, provides };

  await noteProvider(db, account, module, provides);
  const manifest = { protected_spec, dependencies };
  const build = used
    ? shippedBuild(key, entries)
    : { file_index_key: 'none', entries: entries.length };

  await transact(db, [
    createModule(storedModule(account, module)),
    ...versions.map((version) =>
      createVersion(storedVersion(account, module, version, { manifest, build })),
    ),
  ]);
}

const costSchema = z.object({
  ms: z.number(),
  rssMiB: z.number(),
  calls: z.record(z.string(), z.object({ count: z.number(), from: z.number(), to: z.number() })),
});

it('is composed with a few reads for each module, in the memory that the function has', async () => {
  const message = { account: world.account, template_id: template.id, track: 'staging' };
  const script = join(import.meta.dirname, '../../support/compose-once.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(message)]);
  const { calls, rssMiB } = costSchema.parse(JSON.parse(stdout));
  // Module, category, list of versions and their rows: four a module, however many modules nobody
  // asks for. Twice, because the first compose notes what it looked at and then looks again.
  const ofTable = ['GetItemCommand', 'QueryCommand', 'BatchGetItemCommand'].map(
    (command) => calls[command]?.count ?? 0,
  );

  expect(ofTable.reduce((sum, count) => sum + count)).toBeLessThan(2 * 4 * (assigned + 1) + 40);
  expect(calls.GetObjectCommand?.count).toBe(assigned + 1);
  expect(calls.PutObjectCommand?.count).toBe(3);
  expect(rssMiB).toBeLessThan(768);

  const made = await getComposition(world.services.db, world.account, template.id, 'staging');
  expect(made?.modules).toContain(`${world.account}/module-${modules - 1}`);
});
