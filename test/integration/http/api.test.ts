import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { createAccount } from '../../../shared/actions/accounts/index.ts';
import { joinToken } from '../../../shared/contract/machines/index.ts';
import { makeProof } from '../../../shared/dpop/index.ts';
import { apiAs } from '../../support/api.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
const world = await World.create('registry.example');
afterAll(() => world.close());
const { call, refused } = apiAs(world.token);

describe('accounts', () => {
  it('are made with the token of the deployment only', async () => {
    const slug = `p${randomUUID().slice(0, 8)}`;
    expect(await refused('POST', '/accounts', { slug, name: 'P' })).toMatchObject({
      code: 'forbidden',
    });

    const deployment = await createAccount(world.services, {
      slug: `d${slug}`,
      name: 'D',
      platform: true,
    });

    const made = await call('POST', '/accounts', { slug, name: 'P' }, {}, deployment.token);
    expect(made.status).toBe(202);
    expect(made.headers.get('cache-control')).toBe('no-store');
    expect(JSON.stringify(made.body)).not.toContain('director_key');
    expect(made.body.account).toMatchObject({ slug, state: 'active', root_version: 1 });

    const own = await call('GET', '/accounts/current', undefined, {}, made.body.token);
    expect(own.body.account.slug).toBe(slug);

    const categories = await call('GET', '/categories', undefined, {}, made.body.token);
    expect(categories.body.categories.map(({ slug }: { slug: string }) => slug)).toEqual([
      'system-base',
      'security-hardening',
      'network-overlay',
      'container-runtimes',
      'userland',
    ]);
  });
});

describe('modules', () => {
  it('are registered with every field, and answered as registered', async () => {
    const row = {
      name: 'my-nginx',
      visibility: 'public',
      category: 'userland',
      repository: 'registry.example/acme/my-nginx',
      cosign_identity_regexp: '^https://github.com/acme/.*$',
      cosign_issuer_regexp: '^https://token.actions.githubusercontent.com$',
      trusted_keys: [authorKey().publicPem],
      require_tlog: false,
      platforms: ['ubuntu-24.04-amd64'],
    };

    const made = await call('POST', '/modules', row);
    expect(made.body.module).toMatchObject(row);
    expect(made.status).toBe(201);

    const shown = await call('GET', '/modules/my-nginx');
    expect(shown.body).toMatchObject({ module: row, poll: { failures: 0 } });
    expect(await refused('POST', '/modules', row)).toMatchObject({
      code: 'already_exists',
      field: 'name',
    });

    expect((await call('GET', '/modules/my-nginx/versions')).body).toEqual({
      versions: [],
      candidates: [],
      moved_tags: [],
      warnings: [],
      next_cursor: null,
    });
  });

  it.each([
    ['no policy', {}, 'policy_missing', 'trusted_keys'],
    ['half a pair', { cosign_identity_regexp: '^a$' }, 'policy_missing', 'cosign_issuer_regexp'],
    [
      'an unanchored regexp',
      { cosign_identity_regexp: 'a', cosign_issuer_regexp: '^b$' },
      'regexp_unanchored',
      'cosign_identities[0].cosign_identity_regexp',
    ],
    ['an unknown key', { trusted_key: 'x' }, 'invalid_request', undefined],
    [
      'an unknown category',
      { category: 'nope', trusted_keys: [authorKey().publicPem] },
      'category_unknown',
      'category',
    ],
  ])('with %s are refused, naming the field', async (_, more, code, field) => {
    const body = {
      name: 'bad',
      category: 'userland',
      repository: 'registry.example/acme/bad',
      ...more,
    };

    const problem = await refused('POST', '/modules', body);
    expect([problem.code, problem.field]).toEqual([code, field]);
  });

  it('are paged', async () => {
    for (const name of ['page-a', 'page-b', 'page-c']) await world.register(name, authorKey());
    const seen: string[] = [];
    let cursor: string | null = '';

    while (cursor !== null) {
      const { body }: Awaited<ReturnType<typeof call>> = await call(
        'GET',
        `/modules?limit=2${cursor ? `&cursor=${cursor}` : ''}`,
      );
      expect(body.modules.length).toBeLessThanOrEqual(2);
      seen.push(...body.modules.map(({ name }: { name: string }) => name));
      cursor = body.next_cursor;
    }

    const all = (await call('GET', '/modules?limit=1000')).body.modules.map(
      ({ name }: { name: string }) => name,
    );
    expect(seen).toEqual(all);
    expect(new Set(seen).size).toBe(seen.length);
    expect(await refused('GET', '/modules?cursor=!')).toMatchObject({ code: 'invalid_cursor' });
  });

  it('that did not change are not sent again', async () => {
    const { headers } = await call('GET', '/modules/my-nginx');
    const etag = headers.get('etag') as string;
    const response = await fetch(`${publicUrl}/api/v1/modules/my-nginx`, {
      headers: { authorization: `Bearer ${world.token}`, 'if-none-match': etag },
    });

    expect(response.status).toBe(304);
  });

  it('have manifests that are judged with places', async () => {
    const manifest_yaml = 'schema_version: 1\nname: my-nginx\nfile_spec: ["/etc/**"]\n';
    const good = await call('POST', '/manifests/validate', {
      manifest_yaml,
      category_slug: 'userland',
    });

    expect(good.body).toEqual({
      ...{ valid: true, errors: [], warnings: [], conflicts: [] },
      effects: [],
    });
    const bad = await call('POST', '/manifests/validate', {
      manifest_yaml: `${manifest_yaml}colour: red\n`,
    });

    expect(bad.body).toMatchObject({
      valid: false,
      errors: [{ line: 4, column: 1, path: 'colour' }],
    });

    const unknown = await call('POST', '/manifests/validate', {
      manifest_yaml,
      category_slug: 'nope',
    });
    expect(unknown.body).toMatchObject({ valid: false, errors: [{ path: 'category_slug' }] });
  });
});

describe('templates and instances', () => {
  it('are made, and a machine enrols with its key', async () => {
    const made = await call('POST', '/templates', { name: 'web', platform: 'ubuntu-24.04-amd64' });
    const { id } = made.body.template;
    const again = { name: 'web', platform: 'x' };

    expect(await refused('POST', '/templates', again)).toMatchObject({
      code: 'already_exists',
      field: 'name',
    });
    expect((await call('GET', `/templates/${id}`)).body).toMatchObject({
      assignments: [],
      compositions: [],
    });

    const created = await call('POST', '/instances', {
      name: 'web-1',
      template_id: id,
      metadata: { hostname: 'web-1' },
    });

    expect(created.status).toBe(201);
    const join = joinToken.parse(
      JSON.parse(Buffer.from(created.body.join_token, 'base64url').toString()),
    );

    expect(join).toMatchObject({
      url: publicUrl,
      account: world.account,
      instance: created.body.instance.id,
    });

    expect((await call('GET', `/instances/${join.instance}/drift`)).body).toMatchObject({
      standing: 'pending',
    });

    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const proofFor = (path: string, accessToken?: string) =>
      makeProof({
        privateKey,
        htm: 'POST',
        htu: `${publicUrl}/api/v1${path}`,
        now: new Date(),
        ...(accessToken === undefined ? {} : { accessToken }),
      });

    const agent = async (path: string, body: unknown, proof: string, credential = '') =>
      call('POST', path, body, { dpop: proof, authorization: `DPoP ${credential}` });

    const { url: _, ...enrolment } = join;
    const enrolled = await agent('/agent/enroll', enrolment, await proofFor('/agent/enroll'));

    expect(enrolled.status).toBe(201);
    const reused = await agent('/agent/enroll', enrolment, await proofFor('/agent/enroll'));

    expect(reused.status).toBe(401);

    const { credential } = enrolled.body;
    const report = {
      status: 'unchanged',
      code: null,
      message: null,
      desired_state_version: 0,
      composition_digest: null,
      running_module_digests: { 'my-redis': `sha256:${'a'.repeat(64)}` },
      health: 'healthy',
      agent_version: '0.1.0',
    };

    const proof = await proofFor('/agent/report', credential);
    expect((await agent('/agent/report', report, proof, credential)).body).toEqual({
      accepted: true,
    });
    expect((await agent('/agent/report', report, proof, credential)).body.code).toBe(
      'dpop_replayed',
    );

    const elsewhere = await proofFor('/agent/heartbeat', credential);
    expect((await agent('/agent/report', report, elsewhere, credential)).body.code).toBe(
      'dpop_invalid',
    );

    const thief = await makeProof({
      privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
      htm: 'POST',
      htu: `${publicUrl}/api/v1/agent/report`,
      accessToken: credential,
      now: new Date(),
    });

    expect((await agent('/agent/report', report, thief, credential)).body.code).toBe(
      'dpop_invalid',
    );

    const bearer = await call('POST', '/agent/report', report, {}, credential);
    expect([bearer.status, bearer.body.code]).toEqual([401, 'unauthenticated']);

    const shown = (await call('GET', `/instances/${join.instance}`)).body.instance;
    expect(shown).toMatchObject({
      state: 'enrolled',
      running_module_digests: report.running_module_digests,
    });
    expect(JSON.stringify(shown)).not.toMatch(/hash|thumbprint/);
  });
});

describe('policies and operations', () => {
  it('a policy is changed by an operation', async () => {
    const before = (await call('GET', '/policies')).body.policies;
    expect(before).toContainEqual(
      expect.objectContaining({ action: 'module_promote_to_live', decision: 'require_approval' }),
    );

    const asked = await call('PATCH', '/policies/module_promote_to_staging', { decision: 'deny' });
    expect(asked.status).toBe(202);
    await eventually('the policy to be changed', async () => {
      const { operation } = (await call('GET', `/operations/${asked.body.operation.id}`)).body;
      return operation.state === 'succeeded' ? operation : null;
    });
    expect((await call('GET', '/policies')).body.policies).toContainEqual(
      expect.objectContaining({ action: 'module_promote_to_staging', decision: 'deny' }),
    );

    const { operations } = (await call('GET', '/operations')).body;
    expect(operations[0].id).toBe(asked.body.operation.id);
  });
});
