import { createHmac } from 'node:crypto';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Services } from '../../../shared/actions/context/index.ts';
import { receiveHook } from '../../../shared/actions/poll/index.ts';
import { removeHook } from '../../../shared/actions/registries/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { createHookAnswer } from '../../../shared/contract/registries/index.ts';
import type { HookKind } from '../../../shared/domain/registries/index.ts';
import { freePort, startDockerRegistry } from '../../support/docker-registry.ts';
import { alone, offSchedule } from '../../support/flow.ts';
import { hookPayloads } from '../../support/hook-payloads.ts';
import { codeOf } from '../../support/http-server.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
const key = authorKey();
const stoppers: (() => Promise<void>)[] = [];
let world: World;

beforeAll(async () => {
  world = await World.create('registry.test');
  stoppers.push(world.close.bind(world));
});
afterAll(async () => {
  for (const stop of stoppers) await stop();
});

interface Door {
  id: string;
  url: string;
  secret: string;
}

/** Opens a door as an operator does. */
async function open(owner: World, kind: HookKind, host: string): Promise<Door> {
  const response = await fetch(`${publicUrl}/api/v1/hooks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ kind, host }),
  });

  const { hook, secret } = createHookAnswer.parse(await response.json());
  return { id: hook.id, url: hook.url, secret };
}

/** The proof that a product sends. */
function proof(kind: HookKind, secret: string, body: string): Record<string, string> {
  const mac = createHmac('sha256', secret).update(body).digest('hex');
  if (kind === 'github')
    return { 'x-hub-signature-256': `sha256=${mac}`, 'x-github-event': 'package' };
  if (kind === 'gitea') return { 'x-gitea-signature': mac, 'x-gitea-event': 'package' };
  return { authorization: kind === 'harbor' ? secret : `Bearer ${secret}` };
}

const post = (url: string, body: string, headers: Record<string, string>) =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

/** Messages that wait in a queue that nobody reads. */
async function waiting({ aws, settings }: Services): Promise<number> {
  const ask = {
    QueueUrl: settings.queueUrls.poll,
    AttributeNames: ['ApproximateNumberOfMessages' as const],
  };
  const { Attributes } = await aws.sqs.send(new GetQueueAttributesCommand(ask));

  return Number(Attributes?.ApproximateNumberOfMessages);
}

/** Delivers to a door directly; answers how many messages came of it. */
async function deliver(
  services: Services,
  kind: HookKind,
  { id, secret }: Door,
  payload: unknown,
): Promise<number> {
  const body = JSON.stringify(payload);
  const headers = proof(kind, secret, body);
  const before = await waiting(services);

  await receiveHook(services, id, (name) => headers[name], Buffer.from(body));
  return (await waiting(services)) - before;
}

describe('a push to a real registry', () => {
  it('is polled, verified and ingested immediately, because the registry announced it', async () => {
    const port = await freePort();
    const host = `127.0.0.1:${port}`;
    const there = await World.create(host);

    stoppers.unshift(there.close.bind(there));
    const door = await open(there, 'distribution', host);
    const notifications = { url: door.url, authorization: `Bearer ${door.secret}` };
    const registry = await startDockerRegistry({ port, notifications });

    stoppers.unshift(registry.stop);
    await there.register('told', key);
    await offSchedule(there.services, there.account, 'told');

    const digest = await there.publish({ name: 'told', files: { 'etc/told': 'x' } }, 'v1.0.0', key);
    const version = await eventually('the version', () => there.version('told', digest));

    expect(version.version_string).toBe('1.0.0');
  });
});

describe('a door', () => {
  it.each([
    ['harbor', hookPayloads.harbor],
    ['harbor', hookPayloads.harborCloudEvent],
    ['gitea', hookPayloads.gitea],
    ['github', hookPayloads.github],
    ['distribution', hookPayloads.distribution],
  ] as const)(
    'of %s polls the repository that its registry names, and no other',
    async (kind, payload) => {
      const services = await alone(world.services);
      const name = `of-${kind}-${payload.name.toLowerCase()}`;

      await world.register(name, key);
      const door = await open(world, kind, 'registry.test');

      expect(await deliver(services, kind, door, payload(`${world.account}/${name}`))).toBe(1);
      expect(await deliver(services, kind, door, payload(`${world.account}/unknown`))).toBe(0);

      const elsewhere = await open(world, kind, 'other.test');
      expect(await deliver(services, kind, elsewhere, payload(`${world.account}/${name}`))).toBe(0);
    },
  );

  it('returns the same for repositories that exist and that do not', async () => {
    await world.register('known', key);
    const door = await open(world, 'github', 'registry.test');
    const answers = [];

    for (const name of ['known', 'unknown']) {
      const body = JSON.stringify(hookPayloads.github(`${world.account}/${name}`));
      const response = await post(door.url, body, proof('github', door.secret, body));
      answers.push([response.status, await response.text()]);
    }

    expect(answers).toEqual([
      [202, ''],
      [202, ''],
    ]);
  });

  it('polls nothing of another account, though its repository is the same', async () => {
    const other = await World.create('registry.test');
    stoppers.unshift(other.close.bind(other));
    await world.register('shared', key);

    const services = await alone(other.services);
    const door = await open(other, 'harbor', 'registry.test');

    expect(
      await deliver(services, 'harbor', door, hookPayloads.harbor(`${world.account}/shared`)),
    ).toBe(0);
  });

  it('does nothing when the same comes again', async () => {
    const services = await alone(world.services);
    await world.register('again', key);

    const door = await open(world, 'distribution', 'registry.test');
    const event = (id: string) => hookPayloads.distribution(`${world.account}/again`, id);

    expect(await deliver(services, 'distribution', door, event('1'))).toBe(1);
    expect(await deliver(services, 'distribution', door, event('1'))).toBe(0);
    // Polls on request begin some seconds apart.
    const later = { ...services, now: () => new Date(Date.now() + 60_000) };
    expect(await deliver(later, 'distribution', door, event('2'))).toBe(1);
  });

  it('refuses a wrong secret, a changed body and an unknown door with the same words', async () => {
    const door = await open(world, 'github', 'registry.test');
    const body = JSON.stringify(hookPayloads.github('a/b'));
    const unknown = door.url.replace(/.$/, (last) => (last === '0' ? '1' : '0'));

    const attempts = [
      await post(door.url, body, proof('github', 'guess', body)),
      await post(door.url, `${body} `, proof('github', door.secret, body)),
      await post(door.url, body, { authorization: `Bearer ${door.secret}` }),
      await post(door.url, body, {}),
      await post(unknown, body, proof('github', door.secret, body)),
      await post(`${publicUrl}/hooks/registry/github`, body, {}),
    ];

    const words = await Promise.all(
      attempts.map(async (response) => ((await response.json()) as { detail: string }).detail),
    );
    expect(attempts.map(({ status }) => status)).toEqual(Array(6).fill(401));
    expect(new Set(words).size).toBe(1);
  });

  it('takes no more than a webhook is large, and nothing that is none', async () => {
    const door = await open(world, 'harbor', 'registry.test');
    const large = 'x'.repeat(limits.hookBodyBytesMax + 1);
    expect((await post(door.url, large, proof('harbor', door.secret, large))).status).toBe(413);
    expect((await post(door.url, '{}', proof('harbor', door.secret, '{}'))).status).toBe(400);
  });

  it('is closed immediately when it is removed, and only by its own account', async () => {
    const services = await alone(world.services);
    const door = await open(world, 'harbor', 'registry.test');
    const payload = hookPayloads.harbor('a/b');

    expect(await deliver(services, 'harbor', door, payload)).toBe(0);
    const stranger = { ...world.caller, account: 'stranger' };

    expect(await codeOf(removeHook(services, stranger, door.id))).toBe('not_found');
    await removeHook(services, world.caller, door.id);
    expect(await codeOf(deliver(services, 'harbor', door, payload))).toBe('hook_refused');
  });
});
