import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { apiRoutes } from '../../../functions/api/routes/index.ts';
import { type Role, roles } from '../../../shared/domain/accounts/index.ts';
import { apiAs } from '../../support/api.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

const world = await World.create('registry.example');
afterAll(() => world.close());
const { call, refused } = apiAs(world.token);

async function tokenWith(role: Role): Promise<string> {
  if (role === 'reviewer') return (await world.reviewer()).token;
  return (await call('POST', '/tokens', { name: role, roles: [role] })).body.secret;
}

describe('tokens', () => {
  it('of each role are refused with 403 wherever the route asks for another', async () => {
    for (const held of roles.filter((role) => role !== 'admin')) {
      const token = await tokenWith(held);
      const closed = apiRoutes.filter(
        ({ role }) =>
          role === 'platform' ||
          (roles.includes(role as Role) && role !== 'viewer' && role !== held),
      );

      for (const { method, path } of closed) {
        const where = path.replaceAll(/\{\w+\}/g, 'x');
        const answer = await call(
          method.toUpperCase(),
          where,
          method === 'get' ? undefined : {},
          {},
          token,
        );

        expect([method, path, held, answer.status, answer.body.code]).toEqual([
          method,
          path,
          held,
          403,
          'forbidden',
        ]);
      }

      expect((await call('GET', '/accounts/current', undefined, {}, token)).status).toBe(200);
    }
  });

  it('are unknown, revoked or expired: 401', async () => {
    expect(
      await refused('GET', '/modules', undefined, {}, `gantry_${'x'.repeat(43)}`),
    ).toMatchObject({
      code: 'unauthenticated',
    });

    const { token, secret } = (await call('POST', '/tokens', { name: 'short', roles: ['viewer'] }))
      .body;
    expect((await call('GET', '/modules', undefined, {}, secret)).status).toBe(200);
    expect((await call('DELETE', `/tokens/${token.id}`)).status).toBe(204);
    expect(await refused('GET', '/modules', undefined, {}, secret)).toMatchObject({
      code: 'unauthenticated',
    });
    expect(await refused('DELETE', `/tokens/${token.id}`)).toMatchObject({ code: 'conflict' });

    const expires_at = new Date(Date.now() + 1500).toISOString();
    const ending = (
      await call('POST', '/tokens', { name: 'ending', roles: ['viewer'], expires_at })
    ).body.secret;

    await eventually('the token to expire', async () =>
      (await call('GET', '/modules', undefined, {}, ending)).status === 401 ? true : null,
    );
  });

  it('are listed without secrets or hashes', async () => {
    const { body } = await call('GET', '/tokens');
    expect(body.tokens.length).toBeGreaterThan(0);
    expect(JSON.stringify(body)).not.toMatch(/hash|gantry_/);
  });

  it('of another account see nothing of this one', async () => {
    const other = await World.create('registry.example');
    await world.register('secret-module', authorKey());
    expect((await call('GET', '/modules/secret-module')).status).toBe(200);

    expect(
      await refused('GET', '/modules/secret-module', undefined, {}, other.token),
    ).toMatchObject({
      code: 'not_found',
    });

    expect((await call('GET', '/modules', undefined, {}, other.token)).body.modules).toEqual([]);
    await other.close();
  });
});

describe('members', () => {
  it('have one e-mail address each, and their tokens end with them', async () => {
    const added = await call('POST', '/members', {
      email: 'Rita@Example.com',
      name: 'Rita',
      roles: ['operator'],
    });

    expect(added.body).toMatchObject({
      member: { email: 'rita@example.com', state: 'invited' },
      mailed: true,
      link: null,
      operation: null,
    });
    const again = { email: 'rita@example.com', name: 'R', roles: ['viewer'] };

    expect(await refused('POST', '/members', again)).toMatchObject({
      code: 'already_exists',
      field: 'email',
    });

    const { id } = added.body.member;
    const { token: secret } = await world.join(id, 'rita@example.com');

    expect((await call('GET', '/members', undefined, {}, secret)).status).toBe(200);
    expect(await refused('GET', '/tokens', undefined, {}, secret)).toMatchObject({
      code: 'forbidden',
    });
    expect((await call('DELETE', `/members/${id}`)).status).toBe(204);
    expect(await refused('GET', '/members', undefined, {}, secret)).toMatchObject({
      code: 'unauthenticated',
    });

    const tokens = (await call('GET', '/tokens')).body.tokens;
    expect(tokens.find((token: { member_id: string }) => token.member_id === id)).toMatchObject({
      state: 'member_left',
      signed_in_by: 'invitation',
    });
    expect((await call('POST', '/members', again)).status).toBe(201);
  });

  it('make, list and revoke their own tokens, which have no role that theirs lacks', async () => {
    const rita = await world.member('author', 'viewer');
    const as = (secret: string) => apiAs(secret);
    const made = await as(rita.token).call('POST', '/members/me/tokens', {
      name: 'script',
      roles: ['viewer'],
    });

    expect(made.body.token).toMatchObject({ member_id: rita.id, roles: ['viewer'] });
    const narrow = as(made.body.secret);
    const wide = { name: 'wide', roles: ['author'] };

    expect(await narrow.refused('POST', '/members/me/tokens', wide)).toMatchObject({
      code: 'forbidden',
      field: 'roles',
    });
    const listed = (await as(rita.token).call('GET', '/members/me/tokens')).body.tokens;
    expect(listed).toMatchObject([{ last_used_at: expect.any(String) }, { state: 'valid' }]);

    const path = `/members/me/tokens/${made.body.token.id}`;
    const other = await world.member('admin');
    expect(await as(other.token).refused('DELETE', path)).toMatchObject({ code: 'not_found' });
    expect((await as(rita.token).call('DELETE', path)).status).toBe(204);
    expect((await narrow.refused('GET', '/modules')).code).toBe('unauthenticated');

    const mine = { name: 'mine' };
    expect(await refused('POST', '/members/me/tokens', mine)).toMatchObject({ code: 'forbidden' });
  });
});

describe('creates with an Idempotency-Key', () => {
  it('happen once, and answer the same again, secrets included', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const body = { name: 'once', roles: ['viewer'] };
    const first = await call('POST', '/tokens', body, key);
    const second = await call('POST', '/tokens', body, key);

    expect(second.body).toEqual(first.body);
    expect([
      first.headers.get('idempotency-replayed'),
      second.headers.get('idempotency-replayed'),
    ]).toEqual([null, 'true']);
    expect(second.status).toBe(201);
    expect(await refused('POST', '/tokens', { ...body, name: 'other' }, key)).toMatchObject({
      code: 'idempotency_conflict',
    });
  });

  it('happen once when they are sent at the same time', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const name = `t-${randomUUID()}`;
    const answers = await Promise.all(
      [1, 2, 3].map(() => call('POST', '/tokens', { name, roles: ['viewer'] }, key)),
    );
    for (const { status } of answers) expect([201, 409]).toContain(status);
    const { tokens } = (await call('GET', '/tokens?limit=1000')).body;

    expect(tokens.filter((token: { name: string }) => token.name === name)).toHaveLength(1);
  });

  it('that fail give their key back', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const email = `${randomUUID()}@example.com`;

    const body = {
      name: 't',
      roles: ['viewer'],
      expires_at: new Date(Date.now() - 1000).toISOString(),
    };

    expect(await refused('POST', '/tokens', body, key)).toMatchObject({
      code: 'invalid_request',
      field: 'expires_at',
    });
    expect(await refused('POST', '/tokens', body, key)).toMatchObject({ code: 'invalid_request' });
    expect(
      (await call('POST', '/members', { email, name: 'x', roles: ['viewer'] }, key)).status,
    ).toBe(201);
  });
});
