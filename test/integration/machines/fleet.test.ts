import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { z } from 'zod';
import type { Services } from '../../../shared/actions/context/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { encodeFileIndex } from '../../../shared/artifact/index.ts';
import { newId } from '../../../shared/base/ids.ts';
import {
  fleetAnswer,
  machinesAnswer,
  moduleTemplatesAnswer,
} from '../../../shared/contract/machines/index.ts';
import type { InstanceReport } from '../../../shared/domain/machines/index.ts';
import { mergeFleets } from '../../../shared/domain/machines/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import {
  clearCompositionFailure,
  putCompositionFailure,
} from '../../../shared/store/compose/index.ts';
import { getInstance, putReport, signedInstance } from '../../../shared/store/machines/index.ts';
import { createVersion } from '../../../shared/store/modules/index.ts';
import { objectKeys, putByDigest } from '../../../shared/store/objects.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { createAssignment } from '../../../shared/store/templates/index.ts';
import { alone } from '../../support/flow.ts';
import { manifestOf } from '../../support/manifests.ts';
import { authorKey, World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const time = new Date().toISOString();
let world: World;
/** Nothing composes or reconciles behind their back: machines stay as they are made here. */
let services: Services;
let web: Template;
let edge: Template;

beforeAll(async () => {
  world = await World.create('registry.example');
  services = await alone(world.services);
  await world.register('redis', authorKey());
  await putByDigest(
    services.objects,
    { key: fileIndexKey(), body: await encodeFileIndex([]), type: 'application/gzip' },
    new Date(),
  );
  await transact(
    services.db,
    [version('1.0.0', 'a', 'live'), version('1.1.0', 'b', 'built')].map(createVersion),
  );
  web = await createTemplate(services, world.caller, {
    name: 'web',
    platform: 'ubuntu-24.04-amd64',
  });
  edge = await createTemplate(services, world.caller, {
    name: 'edge',
    platform: 'debian-13-arm64',
  });
  await createTemplate(services, world.caller, {
    name: 'taken',
    platform: 'ubuntu-24.04-amd64',
  }).then((taken) => transact(services.db, [assigned(taken)]));

  await Promise.all([
    ...['web-1', 'web-2', 'web-3'].map((name) => machine(name, web, ['tokyo'], 'a')),
    machine('web-4', web, [], 'b'),
    machine('edge-1', edge, ['tokyo'], null),
  ]);
});
afterAll(() => world.close());

const fileIndexKey = () => objectKeys.fileIndex(world.account, digest('f'));

function version(
  version_string: string,
  letter: string,
  promotion_state: Version['promotion_state'],
): Version {
  const build = {
    platform: 'ubuntu-24.04-amd64',
    layer_size: 1,
    file_index_key: fileIndexKey(),
    entries: 1,
  };

  const digests = {
    manifest_digest: digest(letter),
    layer_digest: digest(letter),
    composefs_digest: digest(letter),
  };

  return {
    account: world.account,
    module: 'redis',
    id: world.id('redis', digest(letter)),
    digest: digest(letter),
    version_string,
    kind: 'node',
    labels: null,
    tags: [`v${version_string}`],
    promotion_state,
    was_live: promotion_state === 'live',
    quarantined: false,
    held: false,
    builds: [{ ...build, ...digests }],
    manifest: manifestOf('redis'),
    stored_signatures_key: 'none',
    signatures: [],
    approvals: [],
    revision: 1,
    ingested_at: time,
    state_changed_at: time,
  };
}

function assigned({ id }: Template) {
  return createAssignment({
    account: world.account,
    id: newId('assignment'),
    template_id: id,
    module: `${world.account}/redis`,
    constraint: null,
    metadata: {},
    effective_priority: null,
    created_at: time,
    updated_at: time,
  });
}

/**
 * A machine that should run redis 1.0.0 and says that it runs the version of a letter; null: it
 * says nothing.
 */
async function machine(
  name: string,
  template: Template,
  clusters: string[],
  letter: string | null,
): Promise<void> {
  const { caller, account } = world;
  const { instance } = await createInstance(services, caller, {
    name,
    template_id: template.id,
    clusters,
  });

  const desired = {
    desired_version: 1,
    desired_hash: null,
    desired_composition: digest('1'),
    desired_modules: { redis: digest('a') },
    desired_signed_at: time,
    desired_expires_at: time,
    desired_report_keys: [],
    desired_key_id: null,
    desired_correlation_id: null,
    desired_error: null,
  };

  await transact(services.db, [signedInstance(instance, desired)]);
  if (letter === null) return;

  const report: InstanceReport = {
    status: 'applied',
    code: null,
    message: null,
    desired_state_version: 1,
    composition_digest: digest(letter === 'a' ? '1' : '2'),
    running_module_digests: { redis: digest(letter) },
    health: 'healthy',
    agent_version: '1',
    healthy_since: null,
    at: time,
  };

  await transact(services.db, [putReport(instance, report)]);
  expect((await getInstance(services.db, account, instance.id))?.report).toEqual(report);
}

async function ask(path: string): Promise<{ status: number; body: unknown }> {
  const headers = { authorization: `Bearer ${world.token}` };
  const response = await fetch(`${publicUrl}/api/v1${path}`, { headers });
  return { status: response.status, body: await response.json() };
}

function gantry(...line: string[]) {
  const program = new URL('../../../bin/gantry', import.meta.url).pathname;
  const env = {
    ...process.env,
    GANTRY_URL: publicUrl,
    GANTRY_TOKEN: world.token,
    XDG_CONFIG_HOME: world.directory,
  };

  const { status, stdout, stderr } = spawnSync(program, line, { env, encoding: 'utf8' });
  return { status, out: stdout + stderr };
}

const fleet = async (query: string) => fleetAnswer.parse((await ask(`/fleet?${query}`)).body);

it('counts the fleet, names the versions of digests, and filters', async () => {
  const { fleet: all, next_cursor } = await fleet('');
  expect(next_cursor).toBeNull();

  expect(all).toMatchObject({
    instances: 5,
    drifted: 1,
    pending: 1,
    silent: 0,
    reasons: { none: 3, modules: 1, never_reported: 1 },
  });

  expect(all.templates.map(({ name, instances, drifted }) => [name, instances, drifted])).toEqual([
    ['web', 4, 1],
    ['edge', 1, 0],
  ]);
  expect(all.modules).toEqual([
    {
      module: 'redis',
      desired: 5,
      running: 4,
      drifted: 1,
      digests: [
        {
          digest: digest('a'),
          desired: 5,
          running: 3,
          matching: 3,
          versions: ['1.0.0'],
          withheld: null,
        },
        {
          digest: digest('b'),
          desired: 0,
          running: 1,
          matching: 0,
          versions: ['1.1.0'],
          withheld: null,
        },
      ],
    },
  ]);

  expect((await fleet('cluster=tokyo')).fleet).toMatchObject({
    instances: 4,
    drifted: 0,
    pending: 1,
  });
  expect((await fleet(`template=${web.id}`)).fleet).toMatchObject({ instances: 4, drifted: 1 });
  expect((await fleet('track=staging')).fleet).toMatchObject({ instances: 0 });
  expect((await ask(`/fleet?template=${newId('template')}`)).status).toBe(404);
});

it('adds up from pages, of the whole account and of a template', async () => {
  for (const query of ['', `template=${web.id}&`]) {
    const pages = [];
    let cursor: string | null = '';

    while (cursor !== null) {
      const page: z.infer<typeof fleetAnswer> = await fleet(`${query}limit=1${cursor}`);
      expect(page.fleet.instances).toBeLessThanOrEqual(1);
      pages.push(page.fleet);
      cursor = page.next_cursor === null ? null : `&cursor=${page.next_cursor}`;
    }

    expect(mergeFleets(pages)).toEqual((await fleet(query)).fleet);
  }
});

it('refuses a cursor that it did not make', async () => {
  for (const place of ['9#ins_x', 'x', '1#']) {
    const cursor = Buffer.from(place).toString('base64url');
    expect(await ask(`/fleet?cursor=${cursor}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_cursor' },
    });
  }
});

it('lists which machines run a version, by its string or tag', async () => {
  const names = async (query: string) =>
    machinesAnswer
      .parse((await ask(`/modules/redis/machines?${query}`)).body)
      .machines.map(({ name }) => name)
      .sort();

  expect(await names('')).toEqual(['web-1', 'web-2', 'web-3', 'web-4']);
  expect(await names('version=1.0.0')).toEqual(['web-1', 'web-2', 'web-3']);
  expect(await names('version=v1.1.0')).toEqual(['web-4']);

  const unknown = await ask('/modules/redis/machines?version=9.9.9');
  expect(unknown).toMatchObject({ status: 404, body: { code: 'not_found' } });
  expect((await ask('/modules/nginx/machines')).status).toBe(404);
  expect((await ask('/modules/redis/machines?account=somebody')).status).toBe(404);
});

it('lists and prints which templates cannot be composed, by track and why', async () => {
  const failure = {
    track: 'live',
    code: 'composition_unsatisfied',
    message: 'expected a redis',
    since: time,
  } as const;

  const write = putCompositionFailure({ account: world.account, template_id: web.id, ...failure });
  await transact(services.db, [write]);

  const failures = async (query: string) =>
    (await fleet(query)).fleet.templates.map((row) => [row.name, row.composition_failures]);
  expect(await failures('')).toEqual([
    ['web', [failure]],
    ['edge', []],
  ]);
  expect(await failures(`template=${web.id}&track=live`)).toEqual([['web', [failure]]]);

  const { status, out } = gantry('fleet');
  expect(status).toBe(1);

  // A time has its age beside it.
  expect(out).toMatch(
    /NOT COMPOSED .*\nweb +live +\S+Z \([^)]+\) +composition_unsatisfied +expected a redis\n/,
  );
  await transact(services.db, [clearCompositionFailure(world.account, web.id, 'live')]);
  expect(gantry('fleet').out).not.toContain('NOT COMPOSED');
});

it('lists which templates would accept a module', async () => {
  const { templates } = moduleTemplatesAnswer.parse((await ask('/modules/redis/templates')).body);
  expect(templates.map(({ name, takes, reason }) => [name, takes, reason])).toEqual([
    // The digests of its version are made up, so no composition can have its files.
    ['web', false, 'conflict'],
    ['edge', false, 'platform'],
    ['taken', false, 'assigned'],
  ]);
});

it('is shown by the command line', async () => {
  const all = gantry('fleet', '--template', 'web', '--cluster', 'tokyo');
  expect(all).toMatchObject({ status: 0, out: expect.stringContaining('0 of 3 machines drifted') });

  const drifted = gantry('fleet');
  expect(drifted.status).toBe(1);
  expect(drifted.out).toMatch(
    /1 of 5 machines drifted, 1 pending, 0 silent\n(?: {2}.*\n)* {2}1: runs other modules than its desired state/,
  );
  expect(drifted.out).toMatch(/redis +1\.0\.0 +sha256:aaaaaaaaaaaa +5 +3 +2/);

  const one = gantry('drift', 'web-4');
  expect(one.status).toBe(1);
  expect(one.out).toMatch(/desired composition +sha256:1{12}\nrunning composition +sha256:2{12}\n/);

  const machines = gantry('module', 'machines', `${world.account}/redis@1.1.0`);
  expect(machines).toMatchObject({ status: 0, out: expect.stringMatching(/web-4 +1\.1\.0/) });
  expect(gantry('module', 'templates', 'redis').out).toMatch(
    /edge +debian-13-arm64 +no +1\.0\.0 \(live\)/,
  );
});
