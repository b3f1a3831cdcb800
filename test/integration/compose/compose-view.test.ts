import { beforeAll, expect, it } from 'vitest';
import { createAccount } from '../../../shared/actions/accounts/index.ts';
import { composeView } from '../../../shared/actions/compose/index.ts';
import { servicesFromEnvironment } from '../../../shared/actions/context/index.ts';
import { encodeFileIndex } from '../../../shared/artifact/index.ts';
import { newId } from '../../../shared/base/ids.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { viewOf } from '../../../shared/domain/compose/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import type { Module } from '../../../shared/domain/modules/index.ts';
import type { Assignment, Track } from '../../../shared/domain/templates/index.ts';
import { createModule, createVersion, noteProvider } from '../../../shared/store/modules/index.ts';
import { objectKeys, putByDigest } from '../../../shared/store/objects.ts';
import { transact } from '../../../shared/store/table/index.ts';
import {
  type StoredVersion,
  shippedBuild,
  storedModule,
  storedVersion,
} from '../../support/stored.ts';

const services = servicesFromEnvironment();
const account = `t${newId('operation').slice(-10).toLowerCase()}`;
const time = '2026-01-01T00:00:00.000Z';

interface Facts extends StoredVersion {
  row?: Partial<Module>;
  /** Bytes of its one file. */
  size?: number;
  /** There is no file index to read. */
  unread?: boolean;
}

/** A live module whose one file is /etc/conf, with its file index. */
async function module(name: string, { row, size = 0, unread = false, ...more }: Facts = {}) {
  const stat = { uid: 0, gid: 0, mtime: 0, mtime_ns: 0 };
  const entries: TreeEntry[] = [
    ...['/', '/etc'].map((path) => ({
      path,
      type: 'directory' as const,
      mode: 0o755,
      size: 0,
      ...stat,
    })),
    { path: '/etc/conf', type: 'file', mode: 0o644, size, verity: '0'.repeat(64), ...stat },
  ];

  const version = storedVersion(account, name, '1.0.0', {
    promotion_state: 'live',
    was_live: true,
    ...more,
  });

  const file_index_key = objectKeys.fileIndex(account, version.digest);
  const shipped = unread
    ? { file_index_key, entries: entries.length }
    : shippedBuild(file_index_key, entries);
  const builds = version.builds.map((build) => ({ ...build, ...shipped }));
  const index = await encodeFileIndex(entries);
  if (!unread)
    await putByDigest(
      services.objects,
      { key: file_index_key, body: index, type: 'application/gzip' },
      services.now(),
    );
  await transact(services.db, [
    createModule(storedModule(account, name, row)),
    createVersion({ ...version, builds }),
  ]);
}

function compose(
  assigned: (string | [module: string, effective_priority: number])[],
  { track = 'live', entriesMax = 100 }: { track?: Track; entriesMax?: number } = {},
) {
  const template = {
    account,
    id: 'tpl',
    name: 'web',
    platform: 'any',
    instance_added_at: null,
    revision: 1,
    created_at: time,
    updated_at: time,
  };

  const assignments = assigned.map((one): Assignment => {
    const [name, effective_priority] = typeof one === 'string' ? [one, null] : one;
    const row = {
      account,
      id: name,
      template_id: 'tpl',
      module: `${account}/${name}`,
      constraint: null,
      metadata: {},
    };

    return { ...row, effective_priority, revision: 1, created_at: time, updated_at: time };
  });

  return composeView(services, viewOf(template, assignments), {
    track,
    previous: null,
    entriesMax,
  });
}

const ranks = async (...assigned: Parameters<typeof compose>[0]) =>
  Object.fromEntries(
    (await compose(assigned)).composition.layers.map((layer) => [layer.module, layer.priority]),
  );

beforeAll(async () => {
  await createAccount(services, { slug: account, name: account });
  const config = (parent: string): Partial<Module> => ({
    category: 'system-base',
    variety: 'config',
    parent_module: `${account}/${parent}`,
  });

  await module('app');
  await module('site', { row: config('app') });
  await module('host', { row: config('site') });
});

it('a config layer ranks above its parent, even where the parent is a config layer too', async () => {
  expect(await ranks('app', 'site', 'host')).toEqual({ app: 90, site: 92, host: 94 });
  expect((await compose(['app', 'site', 'host'])).composition.owners.get('/etc/conf')).toBe(
    `${account}/host`,
  );
});

it('a config layer follows the priority that an assignment gives to an ancestor, without one of its own', async () => {
  expect(await ranks(['app', 20], 'site', 'host')).toEqual({ app: 20, site: 22, host: 24 });
  expect(await ranks('host')).toEqual({ host: 94 });
});

it.each(['live', 'staging', 'blessed'] as const)(
  'a module whose only version is quarantined, though %s, is not left out: the composition is refused',
  async (promotion_state) => {
    const name = `ill-${promotion_state}`;
    await module(name, {
      promotion_state,
      was_live: promotion_state === 'live',
      quarantined: true,
    });

    await expect(compose([name], { track: promotion_state })).rejects.toMatchObject({
      code: 'composition_unsatisfied',
      message: expect.stringContaining('found only 1.0.0 (quarantined)'),
    });
  },
);

it('as many entries as the limit allows are composed, one more is refused before anything is read', async () => {
  expect((await compose(['app', 'site'], { entriesMax: 6 })).composition.layers).toHaveLength(2);
  await module('unread', { unread: true });
  await expect(compose(['app', 'unread'], { entriesMax: 5 })).rejects.toMatchObject({
    code: 'composition_too_large',
    message: 'expected at most 5 entries in all layers, found 6',
  });
});

it('as many rendered bytes as the limit allows are composed, one more is refused', async () => {
  const row = { variety: 'instance' } as const;
  await module('full', { row, size: limits.renderedBytesMax });
  await module('over', { row, size: limits.renderedBytesMax + 1 });
  expect((await compose(['full'])).composition.instance_files).toHaveLength(1);

  await expect(compose(['over'])).rejects.toMatchObject({
    code: 'composition_too_large',
    message: expect.stringContaining(
      `at most ${limits.renderedBytesMax} bytes of files that are rendered`,
    ),
  });
});

it('two modules that provide one port are refused, and either of them composes', async () => {
  const dependencies = { provides: ['http.port:80'], requires: [] };
  await module('nginx', { manifest: { dependencies } });
  await module('apache', { manifest: { dependencies } });

  await expect(compose(['nginx', 'apache'])).rejects.toMatchObject({
    code: 'capability_conflict',
    found: [`${account}/apache`, `${account}/nginx`],
  });
  expect((await compose(['nginx'])).composition.layers).toHaveLength(1);
});

it('a required capability brings in the module that provides the version which is asked for', async () => {
  for (const [name, version] of Object.entries({ ruby33: '3.3.9', ruby34: '3.4.7' })) {
    await noteProvider(services.db, account, name, ['ruby']);
    const dependencies = { provides: [`ruby@${version}`], requires: [] };
    await module(name, { manifest: { dependencies } });
  }
  const dependencies = { provides: [], requires: ['capability:ruby@~> 3.4'] };
  await module('worker', { manifest: { dependencies } });

  const { composition, considered } = await compose(['worker']);
  expect(composition.layers.map((layer) => layer.module).sort()).toEqual(['ruby34', 'worker']);
  expect(considered).toContain(`${account}/capability:ruby`);
});
