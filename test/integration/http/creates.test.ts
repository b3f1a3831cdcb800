import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createApp } from '../../../functions/api/app.ts';
import type { Services } from '../../../shared/actions/context/index.ts';
import { sha256Hex } from '../../../shared/base/ids.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { getInstance } from '../../../shared/store/machines/index.ts';
import { apiAs } from '../../support/api.ts';
import { type Stop, stoppedAt } from '../../support/faults.ts';
import { authorKey, World } from '../../support/world.ts';

// Each killed request logs its error.
vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'SILENT');
afterAll(() => vi.unstubAllEnvs());

const world = await World.create('registry.example');
afterAll(() => world.close());
const { call } = apiAs(world.token);
const member = await world.member('operator');

const key = authorKey();
const seeded = {
  module: 'seeded',
  template: (await call('POST', '/templates', { name: 'seeded', platform: 'debian-12-amd64' })).body
    .template.id as string,
  instance: '',
};
await world.register(seeded.module, key);
seeded.instance = (
  await call('POST', '/instances', { name: 'seeded', template_id: seeded.template })
).body.instance.id;

/** Templates that have no assignment yet: one for each create of an assignment. */
const bare: string[] = [];
for (const name of ['bare-1', 'bare-2', 'bare-3']) {
  const { body } = await call('POST', '/templates', { name, platform: 'debian-12-amd64' });
  bare.push(body.template.id);
}

/** A create: `name` is new each time, so that one that happens twice is refused or counted. */
type Create = (name: string) => { path: string; body?: object; token?: string };

const creates: Record<string, Create> = {
  token: (name) => ({ path: '/tokens', body: { name, roles: ['viewer'] } }),
  'own token': (name) => ({ path: '/members/me/tokens', body: { name }, token: member.token }),
  member: (name) => ({
    path: '/members',
    body: { name, email: `${name}@example.com`, roles: ['viewer'], show_link: true },
  }),
  category: (slug) => ({ path: '/categories', body: { slug, position: 41 } }),
  template: (name) => ({ path: '/templates', body: { name, platform: 'debian-12-amd64' } }),
  module: (name) => ({
    path: '/modules',
    body: {
      name,
      category: 'userland',
      repository: world.repository(name),
      trusted_keys: [key.publicPem],
    },
  }),
  instance: (name) => ({ path: '/instances', body: { name, template_id: seeded.template } }),
  'join token': () => ({ path: `/instances/${seeded.instance}/join-token` }),
  webhook: () => ({ path: '/hooks', body: { kind: 'harbor', host: 'registry.example' } }),
  assignment: () => ({
    path: `/templates/${bare.pop()}/assignments`,
    body: { module: seeded.module },
  }),
};

/** Sends a create to the API, which runs in this process on these services. */
async function send(services: Services, { path, body, token }: ReturnType<Create>, once: string) {
  const response = await createApp(services).request(`/api/v1${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token ?? world.token}`,
      'content-type': 'application/json',
      'idempotency-key': once,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

  const replayed = response.headers.get('idempotency-replayed') === 'true';
  const answer = JSON.parse(await response.text());
  return { status: response.status, replayed, answer };
}

/** The services of a client that asks again after the claim of a dead request has lapsed. */
const afterTheClaim: Services = {
  ...world.services,
  now: () => new Date(Date.now() + (limits.idempotencyClaimSeconds + 1) * 1000),
};

describe.each(Object.entries(creates))('a create with an Idempotency-Key: %s', (_noun, create) => {
  it.each([
    ['kills', 1, 'the claim', false],
    ['fails', 2, 'nothing but the claim', false],
    ['kills', 2, 'the create', true],
  ] as const)('happens once if a write %s (%i): after %s', async (stop, n, _after, happened) => {
    const request = create(`n-${randomUUID()}`);
    const once = randomUUID();

    const { worker } = stoppedAt(world.services, n, stop satisfies Stop);
    expect((await send(worker, request, once)).status).toBe(500);

    const again = await send(afterTheClaim, request, once);
    expect([again.status < 300, again.replayed]).toEqual([true, happened]);
    expect(await send(afterTheClaim, request, once)).toEqual({ ...again, replayed: true });
  });
});

it('keeps the join token of a create whose response was lost', async () => {
  const request = creates.instance?.(`n-${randomUUID()}`) ?? { path: '' };
  const once = randomUUID();
  await send(stoppedAt(world.services, 2, 'kills').worker, request, once);
  const { answer } = await send(afterTheClaim, request, once);

  const { secret } = JSON.parse(Buffer.from(answer.join_token, 'base64url').toString());
  const instance = await getInstance(world.services.db, world.account, answer.instance.id);
  expect(instance?.join_secret_hash).toBe(sha256Hex(secret));
});

it('lets one of two creates happen if the claim of the first one lapses', async () => {
  const request = creates.token?.(`n-${randomUUID()}`) ?? { path: '' };
  const once = randomUUID();

  // The first request stands still between its claim and its effect; the second one overtakes it.
  let overtaken: Awaited<ReturnType<typeof send>> | null = null;
  let transactions = 0;
  const { db } = world.services;
  const client = new Proxy(db.client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name !== 'send' || typeof value !== 'function') return value;

      return async (command: object, ...rest: unknown[]) => {
        if (command.constructor.name === 'TransactWriteCommand') transactions += 1;
        if (transactions === 2) overtaken ??= await send(afterTheClaim, request, once);
        return Reflect.apply(value, target, [command, ...rest]);
      };
    },
  });

  const first = await send({ ...world.services, db: { ...db, client } }, request, once);
  expect([first.status, overtaken]).toEqual([409, expect.objectContaining({ status: 201 })]);
});

it('leaves previews and checks alone, which change nothing', async () => {
  const request = {
    path: '/manifests/validate',
    body: { manifest_yaml: 'name: x', category_slug: 'userland' },
  };
  const once = randomUUID();
  const first = await send(world.services, request, once);
  expect(await send(world.services, request, once)).toEqual({ ...first, replayed: false });
  expect(first.status).toBe(200);
});

describe('a create within the limits of its schema', () => {
  /** Text of up to `max` characters, of one to four bytes each, short and at its limit. */
  const text = (max: number) =>
    fc
      .tuple(fc.constantFrom('a', '\u0001', 'ä', '€', '😀', '"'), fc.constantFrom(1, 0.5, 0.1))
      .map(([character, share]) => {
        const count = Math.max(1, Math.floor((max * share) / character.length));
        return character.repeat(count);
      });

  const metadata = fc
    .tuple(fc.constantFrom(0, 1, 30, 100), fc.constantFrom(1, 100), text(4096))
    .map(([count, length, value]) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, n) => [`k${n}`.padEnd(length, '_'), value]),
      ),
    );

  const regexp = text(998).map((inner) => `^${inner}$`);
  const pair = fc.record({ cosign_identity_regexp: regexp, cosign_issuer_regexp: regexp });

  const requests = fc.oneof(
    fc
      .record({
        metadata,
        clusters: fc.constantFrom(
          [],
          Array.from({ length: 50 }, (_, n) => `c${n}`.padEnd(60, 'x')),
        ),
      })
      .map((body) => ({ path: '/instances', body: { ...body, template_id: seeded.template } })),
    metadata.map((given) => ({
      path: `/templates/${seeded.template}/assignments`,
      body: { module: seeded.module, metadata: given },
    })),
    fc
      .record({
        cosign_identities: fc
          .tuple(pair, fc.constantFrom(1, 20))
          .map(([one, n]) => Array(n).fill(one)),
        platforms: fc.constantFrom(
          [],
          Array.from({ length: 50 }, (_, n) => `p${n}-`.padEnd(100, 'x')),
        ),
        trusted_root: fc.constantFrom(null, { x: 'y'.repeat(200_000) }),
      })
      .map((body) => ({
        path: '/modules',
        body: { ...body, category: 'userland', repository: world.repository('big') },
      })),
    text(200).map((name) => ({ path: '/tokens', body: { name, roles: ['viewer'] } })),
  );

  it('happens, or is refused by a code, but never fails', async () => {
    await fc.assert(
      fc.asyncProperty(requests, async ({ path, body }) => {
        const named = 'name' in body ? body : { ...body, name: `n-${randomUUID()}` };
        const { status, answer } = await send(world.services, { path, body: named }, randomUUID());
        expect([status, answer.code, answer.detail]).toEqual([
          expect.not.toBeOneOf([500]),
          answer.code,
          answer.detail,
        ]);
      }),
      { numRuns: 60 },
    );
  });

  it('is refused if its row would be too large, and its key is free again', async () => {
    const name = `n-${randomUUID()}`;
    const of = (length: number) => ({
      path: '/instances',
      body: {
        name,
        template_id: seeded.template,
        metadata: Object.fromEntries(
          Array.from({ length: 76 }, (_, n) => [`k${n}`, 'x'.repeat(length)]),
        ),
      },
    });

    const once = randomUUID();
    const refused = { code: 'too_large', field: 'metadata', expected: 102_400 };
    expect((await send(world.services, of(4096), once)).answer).toMatchObject(refused);

    const largest = await send(world.services, of(1300), once);
    expect(largest.status).toBe(201);
  });

  it('is kept with its response at the largest size', async () => {
    const body = {
      name: `n-${randomUUID()}`,
      template_id: seeded.template,
      metadata: Object.fromEntries(
        Array.from({ length: 50 }, (_, n) => [`k${n}`, '\u20ac'.repeat(670)]),
      ),
    };
    const once = randomUUID();
    const first = await send(world.services, { path: '/instances', body }, once);
    expect(await send(world.services, { path: '/instances', body }, once)).toEqual({
      ...first,
      replayed: true,
    });
    expect(first.status).toBe(201);
  });
});
