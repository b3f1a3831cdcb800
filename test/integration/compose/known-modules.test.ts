import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../../shared/actions/accounts/index.ts';
import { readModules } from '../../../shared/actions/compose/index.ts';
import type { Services } from '../../../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../../../shared/actions/context/index.ts';
import { isGantryError } from '../../../shared/base/error.ts';
import type { ResolutionRecord, TemplateView } from '../../../shared/domain/compose/index.ts';
import type { Module } from '../../../shared/domain/modules/index.ts';
import {
  createModule,
  createVersion,
  listProviders,
  noteProvider,
} from '../../../shared/store/modules/index.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { type StoredVersion, storedModule, storedVersion } from '../../support/stored.ts';

const services = servicesFromEnvironment();
// Names of this run alone: powernode is one account for all tests.
const run = randomBytes(4).toString('hex');
const own = `own-${run}`;
const other = `other-${run}`;
const shared = { promotion_state: 'blessed', row: { visibility: 'public' } } as const;

interface Facts extends StoredVersion {
  provides?: string[];
  requires?: string[];
  row?: Partial<Module>;
}

/** A module with one version of each version string, noted as ingest notes them. */
async function module(
  account: string,
  name: string,
  { provides = [], requires = [], row, ...more }: Facts = {},
) {
  const manifest = { dependencies: { provides, requires } };
  await noteProvider(services.db, account, name, provides);
  await transact(services.db, [
    createModule(storedModule(account, name, row)),
    createVersion(storedVersion(account, name, '1.0.0', { manifest, ...more })),
  ]);
}

/** What there is to know for a template that these modules are assigned to. */
function read(
  assigned: string[],
  { previous = {}, on = services }: { previous?: object; on?: Services } = {},
) {
  const row = {
    constraint: null,
    metadata: {},
    effective_priority: null,
    revision: 1,
    created_at: '',
    updated_at: '',
  };

  const template = {
    account: own,
    id: 'template',
    name: 'template',
    platform: 'any',
    instance_added_at: null,
    revision: 1,
  };
  const view: TemplateView = {
    template: { ...template, created_at: '', updated_at: '' },
    assignments: assigned.map((name) => ({
      ...row,
      account: own,
      id: name,
      template_id: 'template',
      module: name,
    })),
    states: new Map(),
    held: new Set(),
    withdrawn: new Set(),
    approved: new Map(),
    modules: new Map(),
  };

  const record: ResolutionRecord = {
    assigned: [],
    modules: {},
    capabilities: {},
    considered: {},
    settled: true,
  };

  return readModules(on, view, {
    track: 'staging',
    previous: { ...record, ...previous },
    pins: new Map(),
    closed: false,
  });
}

const isKnown = async (found: ReturnType<typeof read>) =>
  Object.fromEntries([...(await found).known].map(([name, one]) => [name, one !== null]).sort());

beforeAll(async () => {
  for (const slug of [own, other, 'powernode']) {
    await createAccount(services, { slug, name: slug }).catch((error: unknown) => {
      if (!isGantryError(error, 'already_exists')) throw error;
    });
  }
});

describe('a bare name', () => {
  it('is looked up in the own account, then in powernode, with its own requirements', async () => {
    await module(own, 'bare', { requires: [`base-${run}@*`, 'tool@*'] });
    await module(own, 'tool');
    await module('powernode', `base-${run}`, { requires: [`deep-${run}@*`], ...shared });
    await module('powernode', `deep-${run}`, shared);

    expect(await isKnown(read([`${own}/bare`]))).toEqual({
      [`${own}/bare`]: true,
      [`${own}/tool`]: true,
      'powernode/tool': false,
      [`${own}/base-${run}`]: false,
      [`powernode/base-${run}`]: true,
      [`powernode/deep-${run}`]: true,
    });
  });

  it('that names no module is a capability: its own providers are read, and those of powernode', async () => {
    await module(own, 'web', { requires: [`store-${run}@*`] });
    await module(own, 'redis', { provides: [`store-${run}`, 'cache'] });
    await module(own, 'unrelated', { provides: ['cache'] });
    await module('powernode', `valkey-${run}`, { provides: [`store-${run}`], ...shared });
    await module(other, 'keydb', { provides: [`store-${run}`], ...shared });

    const { providers, known } = await read([`${own}/web`]);
    expect(Object.fromEntries(providers)).toEqual({
      [`${own}/store-${run}`]: [`${own}/redis`],
      [`powernode/store-${run}`]: [`powernode/valkey-${run}`],
    });
    expect([...known.keys()]).toEqual(
      expect.arrayContaining([`${own}/redis`, `powernode/valkey-${run}`]),
    );
    expect(known.has(`${own}/unrelated`)).toBe(false);
    expect(known.has(`${other}/keydb`)).toBe(false);
  });

  it('that an assigned module provides is searched nowhere else', async () => {
    const { providers } = await read([`${own}/web`, `${own}/redis`]);
    expect(providers.size).toBe(0);
  });

  it('is taken from the module that provided it last time, and from others only if that stopped', async () => {
    const capability = `${own}/store-${run}`;
    const kept = await read([`${own}/web`], {
      previous: { capabilities: { [capability]: `${own}/redis` } },
    });

    expect(kept.providers.size).toBe(0);
    expect(kept.known.get(`${own}/redis`)).not.toBeNull();

    const lost = await read([`${own}/web`], {
      previous: { capabilities: { [capability]: `${own}/unrelated` } },
    });
    expect(lost.providers.get(capability)).toEqual([`${own}/redis`]);
  });

  it('may be noted for a version that was never created, and then has no choices', async () => {
    await transact(services.db, [createModule(storedModule(own, 'early'))]);
    await noteProvider(services.db, own, 'early', [`late-${run}`]);
    await noteProvider(services.db, own, 'early', [`late-${run}`]);
    expect(await listProviders(services.db, own, `late-${run}`)).toEqual(['early']);
    await module(own, 'waiting', { requires: [`late-${run}@*`] });

    const { known } = await read([`${own}/waiting`]);
    expect(known.get(`${own}/early`)?.choices).toEqual([]);
  });
});

describe('of another account', () => {
  it('private modules count as absent, public ones are read', async () => {
    await module(other, 'secret');
    await module(other, 'shown', shared);
    expect(await isKnown(read([`${other}/secret`, `${other}/shown`]))).toEqual({
      [`${other}/secret`]: false,
      [`${other}/shown`]: true,
    });
  });

  it('versions in staging are no choice, but own versions in staging are', async () => {
    await module(other, 'staged', { row: { visibility: 'public' } });
    await module(own, 'staged');

    const { known } = await read([`${other}/staged`, `${own}/staged`]);
    expect(known.get(`${other}/staged`)?.choices).toEqual([]);
    expect(known.get(`${own}/staged`)?.choices).toMatchObject([
      { version_string: '1.0.0', standing: 'offered' },
    ]);
  });
});

describe('the cost', () => {
  /** Services that count the calls to the table. */
  function counted(): { on: Services; calls: () => number } {
    const on = servicesFromEnvironment();
    let calls = 0;

    on.db.client.middlewareStack.add(
      (next) => (args) => {
        calls += 1;
        return next(args);
      },
      { step: 'initialize' },
    );

    return { on, calls: () => calls };
  }

  it('of a capability grows with its providers, not with the modules of the account', async () => {
    const before = counted();
    await read([`${own}/web`], { on: before.on });
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => module(own, `noise-${i}`, { provides: ['noise'] })),
    );

    const after = counted();
    await read([`${own}/web`], { on: after.on });
    expect(after.calls()).toBe(before.calls());
  });

  it('of a module is four calls, and one for each further hundred versions', async () => {
    await module(own, 'many');
    const versions = Array.from({ length: 120 }, (_, i) =>
      createVersion(storedVersion(own, 'many', `1.1.${i}`)),
    );
    for (let i = 0; i < versions.length; i += 60)
      await transact(services.db, versions.slice(i, i + 60));
    const { on, calls } = counted();
    const { known } = await read([`${own}/many`], { on });

    expect(known.get(`${own}/many`)?.choices).toHaveLength(121);
    // The module, its category, the list, and two batches of 100 versions at most.
    expect(calls()).toBe(5);
  });
});

it('more modules than can be noted are a coded error, before any of them is read', async () => {
  const names = Array.from({ length: 2200 }, (_, i) => `${'x'.repeat(50)}-${i}`);
  await module(own, 'greedy', { requires: names.map((name) => `${own}/${name}@*`) });
  expect((await read([`${own}/greedy`])).known.size).toBe(2201);
  await module(own, 'greedier', { requires: names.map((name) => `${name}-bare@*`) });
  await expect(read([`${own}/greedier`])).rejects.toMatchObject({
    code: 'composition_too_complex',
    message: expect.stringContaining('found 4401;'),
  });
});
