import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr';
import { CreateSecretCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, describe, expect, inject } from 'vitest';
import type { Services } from '../../../shared/actions/context/index.ts';
import { pollRepository, schedulePolls } from '../../../shared/actions/poll/index.ts';
import { registrySecretName } from '../../../shared/actions/registries/index.ts';
import { type Repository, unpolledRepository } from '../../../shared/domain/poll/index.ts';
import { RegistryClient } from '../../../shared/registry/index.ts';
import { dueCandidates, getCandidate } from '../../../shared/store/candidates/index.ts';
import {
  createRepository,
  dueRepositories,
  getRepository,
} from '../../../shared/store/poll/index.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { basicCredentials, startDockerRegistry } from '../../support/docker-registry.ts';
import {
  alone,
  eventsOf,
  type Interference,
  offSchedule,
  pollAlone,
  type RegistryProxy,
  signDigest,
  startRegistryProxy,
  withOwnTable,
} from '../../support/flow.ts';
import { type Flow, proxiedFlowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

const key = authorKey();
const stoppers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of stoppers) await stop();
});

async function registered(
  { world, services }: Flow,
  name: string,
  tag = 'v1.0.0',
): Promise<string> {
  await world.register(name, key);
  await offSchedule(services, world.account, name);
  return world.push(await world.build({ name, files: { 'etc/content': name } }), name, tag);
}

async function repositoryOf({ world, services }: Flow, name: string): Promise<Repository> {
  const row = await getRepository(services.db, world.account, name);
  if (row === null) throw new Error(`expected the repository of ${name}`);
  return row;
}

/** Polls the way the schedule has it polled; answers the row afterwards. */
async function poll(flow: Flow, name: string, at: Services = flow.services): Promise<Repository> {
  await pollRepository(at, { account: flow.world.account, module: name });
  return repositoryOf(flow, name);
}

describe('a tag list', () => {
  it('that is unchanged costs exactly one request', async ({ flow, proxy, world }) => {
    await registered(flow, 'quiet');
    await poll(flow, 'quiet');

    const of = (from: number) =>
      proxy.requests.slice(from).filter(({ url }) => url.includes('/quiet/'));
    const before = proxy.requests.length;
    const row = await poll(flow, 'quiet');

    expect(of(before)).toMatchObject([
      { method: 'GET', url: `/v2/${world.account}/quiet/tags/list?n=1000` },
    ]);
    expect(row).toMatchObject({ failures: 0, code: null });
  });

  it('distinguishes versions from ignored tags and from signatures', async ({
    flow,
    registry,
    world,
  }) => {
    const digest = await registered(flow, 'tagged', 'latest');
    await signDigest(
      new RegistryClient({ host: registry.host }),
      `${world.account}/tagged`,
      digest,
      key,
    );

    const row = await poll(flow, 'tagged');
    expect(row.ignored_tags).toEqual(['latest']);
    expect(await world.candidate('tagged', digest)).toBeNull();
  });

  it('is read by an ECR registry too, and its modules become versions', async () => {
    const { endpoint } = inject('stack');
    const ecr = await World.create(new URL(endpoint).host);

    stoppers.unshift(ecr.close.bind(ecr));
    await new ECRClient({}).send(
      new CreateRepositoryCommand({ repositoryName: `${ecr.account}/in-ecr` }),
    );
    await ecr.register('in-ecr', key);

    const version = await ecr.ingest({ name: 'in-ecr', files: { 'etc/ecr': 'x' } }, 'v2.0.0', key);
    expect(version).toMatchObject({ version_string: '2.0.0', promotion_state: 'built' });
    expect(version.signatures).toMatchObject([{ source: 'fallback_tag', verified: true }]);
  });
});

describe('what is due', () => {
  it('moves in the index with every change of the row', async ({ flow, world, services }) => {
    const digest = await registered(flow, 'due');
    const dueAt = async (time: string) => {
      const [repositories, candidates] = await Promise.all([
        dueRepositories(services.db, time, 10_000),
        dueCandidates(services.db, time, 10_000),
      ]);
      const mine = (row: { account: string; module: string }) =>
        row.account === world.account && row.module === 'due';

      return [repositories.some(mine), candidates.some(mine)];
    };

    const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
    expect(await dueAt(inMinutes(60))).toEqual([false, false]);
    await poll(flow, 'due');
    expect(await dueAt(inMinutes(0))).toEqual([false, false]);
    expect(await dueAt(inMinutes(2))).toEqual([true, true]);
    await pollAlone(services, world.account, 'due', digest);
    expect(await dueAt(inMinutes(2))).toEqual([true, false]);
  });

  it('includes candidates that wait for a signature: a late one is found without a request', async ({
    flow,
    registry,
    world,
  }) => {
    const digest = await registered(flow, 'late');
    await world.poll('late');

    const waiting = await world.inState('late', digest, 'awaiting_signature');
    expect(waiting.next_verify_at).not.toBeNull();

    await signDigest(
      new RegistryClient({ host: registry.host }),
      `${world.account}/late`,
      digest,
      key,
    );

    await schedulePolls({ ...world.services, now: () => new Date(Date.now() + 31_000) });
    await world.inState('late', digest, 'ingested');
  });

  it('is scheduled once by two concurrent schedulers', async ({ flow, world, services }) => {
    const digest = await registered(flow, 'twice');
    await poll(flow, 'twice');

    const soon = { ...services, now: () => new Date(Date.now() + 61_000) };
    await Promise.all([schedulePolls(soon), schedulePolls(soon)]);

    const candidate = await getCandidate(services.db, world.account, world.id('twice', digest));
    // Found, then claimed by one.
    expect(candidate?.revision).toBe(2);
  });
});

describe('a repository that several modules share', () => {
  const shared = async (
    { world, services, proxy }: Flow & { proxy: RegistryProxy },
    of: string,
  ) => {
    const repository = `${proxy.host}/${world.account}/${of}`;
    const names = [`${of}-one`, `${of}-two`, of];
    for (const name of names) {
      await world.register(name, key, { repository });
      await offSchedule(services, world.account, name);
    }

    const tar = await world.build({ name: of, files: { 'etc/content': of } });
    return { names, digest: await world.push(tar, of, 'v1.0.0') };
  };

  it('is read once for all of them, whichever is polled', async ({ flow, proxy, world }) => {
    const { names, digest } = await shared({ ...flow, proxy }, 'sharing');
    const before = proxy.requests.length;
    await poll(flow, 'sharing-two');

    const asked = proxy.requests.slice(before).filter(({ url }) => url.includes('/sharing/'));
    expect(asked.map(({ method }) => method)).toEqual(['GET', 'HEAD']);
    for (const name of names) {
      expect(await repositoryOf(flow, name)).toMatchObject({ failures: 0, code: null });
      expect((await world.candidate(name, digest))?.tags).toEqual(['v1.0.0']);
    }
  });

  it('is waited for together when it fails', async ({ flow, proxy, services, world }) => {
    const { names } = await shared({ ...flow, proxy }, 'failing');
    const others = proxy.interfere;
    proxy.interfere = (request, response) => {
      if (!request.url?.includes('/failing/')) return others?.(request, response) ?? false;
      response.writeHead(500).end();
      return true;
    };

    await poll(flow, 'failing-one');
    await poll(flow, 'failing-two');
    const rows = await Promise.all(names.map((name) => repositoryOf(flow, name)));
    expect(rows.map(({ failures }) => failures)).toEqual([2, 2, 2]);
    expect(new Set(rows.map(({ next_poll_at }) => next_poll_at)).size).toBe(1);

    const failed = await eventsOf(services, world.account, 'gantry.repository.failed');
    expect(failed.filter(({ subject }) => subject.includes('/failing'))).toHaveLength(3);
  });

  it('is sent to the queue once', async ({ services }) => {
    const parked = await alone(await withOwnTable(services));
    const at = new Date().toISOString();
    const repository = 'registry.test/acme/queued';
    const rows = ['one', 'two', 'three'].map((name) =>
      createRepository(unpolledRepository({ account: 'acme', name, repository }, at)),
    );

    await transact(parked.db, rows);
    expect(await schedulePolls(parked)).toEqual({ polls: 1, verifications: 0 });
    expect(await schedulePolls(parked)).toEqual({ polls: 0, verifications: 0 });
  });
});

describe('a registry that asks for a password', () => {
  it('is read with the account’s secret for its host, also one that was stored just now', async ({
    services,
  }) => {
    const locked = await startDockerRegistry({ auth: 'basic' });
    const there = await World.create(locked.host);

    stoppers.unshift(there.close.bind(there), locked.stop);
    await there.register('locked', key);
    await there.poll('locked');

    const refused = await eventually('the poll to be refused', async () => {
      const row = await getRepository(services.db, there.account, 'locked');
      return row?.code === null ? null : row;
    });
    expect(refused?.code).toBe('registry_unauthorized');

    const { secrets } = there.services.aws;
    const Name = registrySecretName(there.services, there.account, locked.host);

    await secrets.send(new CreateSecretCommand({ Name, SecretString: 'hunter2-is-no-json' }));
    await pollRepository(await alone(there.services), { account: there.account, module: 'locked' });

    const row = await getRepository(services.db, there.account, 'locked');
    expect(row).toMatchObject({
      code: 'registry_unauthorized',
      message: expect.stringContaining(Name),
    });
    expect(row?.message).not.toContain('hunter2');

    await secrets.send(
      new PutSecretValueCommand({ SecretId: Name, SecretString: JSON.stringify(basicCredentials) }),
    );

    const client = new RegistryClient({ host: locked.host, credentials: basicCredentials });
    const tar = await there.build({ name: 'locked', files: { 'etc/locked': 'x' } });
    const { pushModule } = await import('../../../cli/push/push-module.ts');
    const reference = { host: locked.host, repository: `${there.account}/locked`, tag: 'v1.0.0' };

    const { digest } = await pushModule(
      { client, reference, name: 'v1.0.0' },
      tar,
      () => undefined,
    );

    await signDigest(client, reference.repository, digest, key);
    await there.poll('locked');
    await there.inState('locked', digest, 'ingested');
  });
});

describe('a registry in trouble', () => {
  const forModule = (proxy: RegistryProxy, name: string, answer: Interference): Interference => {
    const others = proxy.interfere;
    return (request, response) =>
      request.url?.includes(`/${name}/`)
        ? answer(request, response)
        : (others?.(request, response) ?? false);
  };

  const status = (code: number, headers = {}): Interference => {
    return (_, response) => {
      response.writeHead(code, headers).end();
      return true;
    };
  };

  const waitOf = (row: Repository) => (Date.parse(row.next_poll_at) - Date.now()) / 1000;

  it('is shown with its code, asked less and less often, and forgiven', async ({
    flow,
    proxy,
    world,
    services,
  }) => {
    const digest = await registered(flow, 'broken');
    let broken = true;

    proxy.interfere = forModule(
      proxy,
      'broken',
      (request, response) => broken && status(500)(request, response),
    );

    const first = await poll(flow, 'broken');
    expect(first).toMatchObject({ code: 'registry_error', failures: 1 });
    expect(waitOf(first)).toBeGreaterThan(55);

    const second = await poll(flow, 'broken');
    const third = await poll(flow, 'broken');

    expect(third.failures).toBe(3);
    expect(waitOf(third)).toBeGreaterThan(230);
    expect(second.message).toContain('500');
    broken = false;
    expect(await poll(flow, 'broken')).toMatchObject({ code: null, message: null, failures: 0 });
    expect((await world.candidate('broken', digest))?.tags).toEqual(['v1.0.0']);

    const failed = await eventsOf(services, world.account, 'gantry.repository.failed');
    expect(failed.filter(({ subject }) => subject === 'module/broken')).toHaveLength(1);
  });

  it('gets no requests for as long as it asks', async ({ flow, registry, world, services }) => {
    const other = await startRegistryProxy(registry.host);
    stoppers.unshift(other.stop);

    for (const name of ['limited', 'neighbour']) {
      await world.register(name, key, { repository: `${other.host}/${world.account}/${name}` });
      await offSchedule(services, world.account, name);
    }

    other.interfere = status(429, { 'retry-after': '1800' });
    const row = await poll(flow, 'limited');

    expect(row.code).toBe('registry_rate_limited');
    expect(waitOf(row)).toBeGreaterThan(1790);

    // So is the whole host, by everybody: the next repository does not ask at all.
    const asked = other.requests.length;
    await expect(poll(flow, 'neighbour')).rejects.toMatchObject({
      waitSeconds: expect.closeTo(1800, -2),
    });
    expect(other.requests).toHaveLength(asked);
    other.interfere = null;

    const later = { ...services, now: () => new Date(Date.now() + 1_801_000) };
    await poll(flow, 'neighbour', later).catch(() => undefined);
    expect(other.requests.length).toBeGreaterThan(asked);
  });

  it('is shown as unreachable when it is down', async ({ flow, world, services }) => {
    await world.register('down', key, { repository: `127.0.0.1:9/${world.account}/down` });
    await offSchedule(services, world.account, 'down');

    const row = await poll(flow, 'down');
    expect(row).toMatchObject({ code: 'registry_unreachable', failures: 1 });
    expect(row.message).toContain('127.0.0.1:9');
  });

  it('is shown as slow when its first byte does not come, and delays no other', async ({
    flow,
    registry,
    proxy,
    world,
  }) => {
    await registered(flow, 'slow');
    proxy.interfere = forModule(proxy, 'slow', () => true);

    const good = await registered(flow, 'prompt');
    await signDigest(
      new RegistryClient({ host: registry.host }),
      `${world.account}/prompt`,
      good,
      key,
    );

    await world.poll('slow');
    await world.poll('prompt');
    await world.inState('prompt', good, 'ingested');
    expect((await repositoryOf(flow, 'slow')).polled_at).toBeNull();

    const row = await eventually('the slow poll to end', async () => {
      const { polled_at, code } = await repositoryOf(flow, 'slow');
      return polled_at === null ? null : { code };
    });
    expect(row.code).toBe('registry_timeout');
  });
});
