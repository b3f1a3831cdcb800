import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, inject, vi } from 'vitest';
import { enroll } from '../../../agent/enroll.ts';
import { runOnce } from '../../../agent/run.ts';
import { createCategory, signAsDirector } from '../../../shared/actions/accounts/index.ts';
import { createInstance, renewJoinToken } from '../../../shared/actions/machines/index.ts';
import { assignModule, updateInstance } from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { fsVerityDigest } from '../../../shared/composefs/index.ts';
import type { DesiredState } from '../../../shared/contract/reconcile/index.ts';
import { makeDesiredState } from '../../../shared/director/index.ts';
import type { DriftReport, Instance } from '../../../shared/domain/machines/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { getAccount } from '../../../shared/store/accounts/index.ts';
import { getInstance } from '../../../shared/store/machines/index.ts';
import { getBytes, objectKeys } from '../../../shared/store/objects.ts';
import { functionLogs, linesWith } from '../../support/logs.ts';
import { promote } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
const page =
  'a page of more than sixty-four bytes, so that it lies in the store and not in the image itself\n';
/** Makes the layer large enough that a range of it pays. */
const large = `${page.repeat(1000)}the end\n`;
let template: Template;
let directory: string;
let names = 0;

it.beforeAll(async ({ world }) => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-machines-'));
  const key = authorKey();

  await world.register('site', key);
  const version = await world.ingest(
    { name: 'site', files: { 'srv/index.html': page, 'srv/large.html': large } },
    'v1.0.0',
    key,
  );

  await promote(world, version, 'staging');
  template = await createTemplate(world.services, world.caller, { name: 'web', platform: 'any' });

  const { operation } = await assignModule(world.services, world.caller, {
    template_id: template.id,
    module: 'site',
  });
  expect((await world.operation(operation.id)).state).toBe('succeeded');
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

interface Machine {
  id: string;
  dir: string;
  token: string;
}

/** An instance with a desired state, and an empty directory for its agent. */
async function machine(world: World, services = world.services): Promise<Machine> {
  names += 1;
  const name = `web-${names}`;

  const input = {
    name,
    template_id: template.id,
    track: 'staging',
    metadata: { hostname: name },
  } as const;

  const { instance, join_token } = await createInstance(services, world.caller, input);
  await signed(world, instance.id, 1);
  return { id: instance.id, dir: join(directory, name), token: join_token };
}

function signed(world: World, id: string, version: number): Promise<Instance> {
  return eventually(`desired state ${version}`, async () => {
    const instance = await getInstance(world.services.db, world.account, id);
    return instance !== null &&
      instance.desired_version >= version &&
      instance.desired_hash !== null
      ? instance
      : null;
  });
}

/** A machine that runs what it is to run. */
async function running(world: World): Promise<Machine> {
  const it = await machine(world);
  await enroll(it);
  expect((await runOnce(it)).report).toMatchObject({ status: 'applied', code: null });
  return it;
}

async function drift(world: World, { id }: Machine): Promise<DriftReport> {
  const headers = { authorization: `Bearer ${world.token}` };
  const response = await fetch(`${publicUrl}/api/v1/instances/${id}/drift`, { headers });
  return (await response.json()) as DriftReport;
}

const desiredKey = (world: World, { id }: Machine) => objectKeys.desiredState(world.account, id);
const readDesired = (world: World, of: Machine) =>
  getBytes(world.services.objects, desiredKey(world, of));

/**
 * Serves other bytes as the machine's desired state, as somebody who can write to the bucket could.
 */
async function serve(world: World, to: Machine, Body: Uint8Array): Promise<void> {
  const { s3, bucket } = world.services.objects;
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: desiredKey(world, to), Body }));
}

describe('a machine', () => {
  it('fetches only what its store lacks, by a range of the stored layer', async ({ world }) => {
    const it = await running(world);
    const verity = fsVerityDigest(Buffer.from(page));
    await rm(join(it.dir, 'store', verity.slice(0, 2), verity.slice(2)));

    const asked: [string | null, number][] = [];
    const real = globalThis.fetch;
    const spied = vi.spyOn(globalThis, 'fetch').mockImplementation(async (url, init) => {
      const response = await real(url, init);
      const range = new Headers(init?.headers).get('range');
      if (String(url).includes('/artifacts/')) asked.push([range, response.status]);
      return response;
    });

    const { report } = await runOnce(it).finally(() => spied.mockRestore());
    expect(report).toMatchObject({ status: 'unchanged', code: 'store_tampered' });
    expect(asked).toEqual([[expect.stringMatching(/^bytes=\d+-\d+$/), 206]]);
    expect((await runOnce(it)).report).toMatchObject({ status: 'unchanged', code: null });
  });

  it('runs what has the names of the properties that every object inherits', async ({ world }) => {
    const name = 'constructor';
    const names = [name, 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];
    const metadata = Object.fromEntries(names.map((one) => [one, `<${one}>`]));
    const key = authorKey();

    const { services, caller } = world;
    const hostile = await createTemplate(services, caller, { name, platform: name });
    await createCategory(services, caller, { slug: name, position: 80 });
    const sources = [
      {
        name,
        files: Object.fromEntries(
          [...names, '__proto__'].map((one) => [`srv/${one}/${one}`, page]),
        ),
        manifest: 'dependencies: {provides: [valueof]}',
      },
      {
        name: 'greeting',
        files: { 'etc/greeting': names.map((one) => `\${instance.${one}}`).join(' ') },
        manifest: `dependencies: {requires: ["${name}@*", "valueof@*"]}`,
      },
    ];

    for (const source of sources) {
      const variety = source.name === name ? 'subscription' : 'instance';
      await world.register(source.name, key, { variety, category: name, platforms: [name] });
      for (const tag of names) await world.push(await world.build(source), source.name, tag);
      await promote(world, await world.ingest(source, 'v1.0.0', key), 'staging');
      const input = { template_id: hostile.id, module: source.name, metadata };
      const { operation } = await assignModule(services, caller, input);
      expect(await world.operation(operation.id)).toMatchObject({ state: 'succeeded' });
    }

    const input = { name, template_id: hostile.id, clusters: [name], metadata };
    const made = await createInstance(services, caller, { ...input, track: 'staging' });
    expect(made.keys_missing).toEqual([]);
    await signed(world, made.instance.id, 1);

    const it = { id: made.instance.id, dir: join(directory, name), token: made.join_token };
    await enroll(it);
    expect((await runOnce(it)).report).toMatchObject({ status: 'applied', code: null });

    const read = (path: string) => readFile(join(it.dir, 'current', path), 'utf8');
    for (const one of [...names, '__proto__']) expect(await read(`srv/${one}/${one}`)).toBe(page);
    expect(await read('etc/greeting')).toBe(names.map((one) => `<${one}>`).join(' '));
    expect(await drift(world, it)).toMatchObject({ standing: 'in_sync' });

    const seen = await getInstance(services.db, world.account, it.id);
    expect(seen?.metadata).toEqual(metadata);
    expect(Object.keys(seen?.report?.running_module_digests ?? {}).sort()).toEqual([
      name,
      'greeting',
    ]);
  });

  it('enrols, applies its desired state, reports it, and has not drifted', async ({ world }) => {
    const it = await machine(world);
    expect(await drift(world, it)).toMatchObject({
      standing: 'pending',
      reason: 'never_reported',
    });
    await enroll(it);

    const { report } = await runOnce(it);
    expect(report).toMatchObject({ status: 'applied', code: null, health: 'healthy' });
    expect(await readFile(join(it.dir, 'current/srv/index.html'), 'utf8')).toBe(page);

    expect(await drift(world, it)).toMatchObject({
      standing: 'in_sync',
      reason: 'none',
      modules: [{ module: 'site' }],
    });

    expect((await runOnce(it)).report.status).toBe('unchanged');

    const change = { id: it.id, metadata: { hostname: 'renamed' } };
    const { id } = await updateInstance(world.services, world.caller, change);

    await world.operation(id);
    const next = await signed(world, it.id, report.desired_state_version + 1);
    expect(await drift(world, it)).toMatchObject({ standing: 'pending', reason: 'pending' });

    expect((await runOnce(it)).report).toMatchObject({
      status: 'applied',
      desired_state_version: next.desired_version,
    });

    const told = await readFile(join(it.dir, 'current/run/gantry/metadata.json'), 'utf8');
    expect(JSON.parse(told)).toMatchObject({ instance: { hostname: 'renamed' } });
  });

  it('whose root is tampered with says so, and repairs it, which is no drift', async ({
    world,
  }) => {
    const it = await running(world);
    await writeFile(join(it.dir, 'current/srv/index.html'), page.replace('a page', 'A PAGE'));
    expect((await runOnce(it)).report).toMatchObject({ code: 'root_tampered', health: 'degraded' });

    const seen = await drift(world, it);
    expect(seen).toMatchObject({
      standing: 'in_sync',
      reason: 'repaired',
      modules: [{ module: 'site', running: null }],
    });

    expect(seen.message).toContain('/srv/index.html has other content');
    expect(await readFile(join(it.dir, 'current/srv/index.html'), 'utf8')).toBe(page);
    expect((await runOnce(it)).report).toMatchObject({ status: 'unchanged', code: null });
    expect(await drift(world, it)).toMatchObject({ standing: 'in_sync', reason: 'none' });
  });

  it('whose store is tampered with says so, and fetches the content again', async ({ world }) => {
    const it = await running(world);
    const store = join(it.dir, 'store');
    const files = (await readdir(store, { recursive: true })).filter((name) =>
      /^[0-9a-f]{2}\/[0-9a-f]+$/.test(name),
    );

    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const path = join(store, file);
      await rm(path);
      await writeFile(path, page.replace('a page', 'A PAGE'));
    }

    const { report } = await runOnce(it);
    expect(report).toMatchObject({ code: 'store_tampered', health: 'degraded' });
    expect((await drift(world, it)).message).toContain(report.message ?? 'a sentence');
    expect((await runOnce(it)).report).toMatchObject({ status: 'unchanged', code: null });
    expect(await drift(world, it)).toMatchObject({ drift: false });
  });
});

describe('a join token', () => {
  it('is good once, and not beside a newer one', async ({ world }) => {
    const it = await machine(world);
    const { join_token } = await renewJoinToken(world.services, world.caller, it.id);

    await expect(enroll(it)).rejects.toMatchObject({ code: 'join_token_invalid' });
    await enroll({ ...it, token: join_token });

    const again = enroll({ token: join_token, dir: `${it.dir}-thief` });
    await expect(again).rejects.toMatchObject({ code: 'join_token_invalid' });
  });

  it('expires', async ({ world }) => {
    const yesterday = { ...world.services, now: () => new Date(Date.now() - 25 * 3600 * 1000) };
    const it = await machine(world, yesterday);
    await expect(enroll(it)).rejects.toMatchObject({ code: 'join_token_expired' });
  });

  it("renewed ends the machine's old credential", async ({ world }) => {
    const it = await running(world);
    await renewJoinToken(world.services, world.caller, it.id);
    await expect(runOnce(it)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(await readFile(join(it.dir, 'current/srv/index.html'), 'utf8')).toBe(page);
  });
});

describe('an agent refuses, and reports, a desired state that', () => {
  it("is another instance's", async ({ world }) => {
    const [it, other] = [await running(world), await machine(world)];
    const own = await readDesired(world, it);

    await serve(world, it, await readDesired(world, other));
    expect((await runOnce(it)).report).toMatchObject({
      status: 'refused',
      code: 'desired_state_foreign',
    });
    expect(await drift(world, it)).toMatchObject({ drift: true, reason: 'refused' });
    await serve(world, it, own);
    expect((await runOnce(it)).report).toMatchObject({ status: 'unchanged', code: null });
    expect(await drift(world, it)).toMatchObject({ drift: false });
  });

  it('is older than one that it has seen', async ({ world }) => {
    const it = await running(world);
    const old = await readDesired(world, it);
    const { desired_version } = await signed(world, it.id, 1);
    const { id } = await updateInstance(world.services, world.caller, {
      id: it.id,
      metadata: { hostname: 'newer' },
    });

    await world.operation(id);
    await signed(world, it.id, desired_version + 1);
    expect((await runOnce(it)).report.status).toBe('applied');
    await serve(world, it, old);

    expect((await runOnce(it)).report).toMatchObject({
      status: 'refused',
      code: 'desired_state_version_rollback',
      desired_state_version: desired_version + 1,
    });
  });

  it('has expired, and keeps its root', async ({ world }) => {
    const it = await running(world);
    const { signed: now } = JSON.parse(Buffer.from(await readDesired(world, it)).toString()) as {
      signed: {
        version: number;
        targets: Record<
          string,
          { length: number; hashes: { sha256: string }; custom: DesiredState }
        >;
      };
    };

    const target = Object.values(now.targets)[0];
    const account = await getAccount(world.services.db, world.account);
    if (target === undefined || account === null)
      throw new Error('expected a target and an account');

    const expired = makeDesiredState({
      custom: target.custom,
      image: { length: target.length, sha256: target.hashes.sha256 },
      version: now.version + 1,
      expires: new Date(Date.now() - 60_000),
    });

    await serve(world, it, await signAsDirector(world.services, account.director_key_id, expired));
    expect((await runOnce(it)).report).toMatchObject({
      status: 'stale',
      code: 'desired_state_expired',
    });
    expect(await readFile(join(it.dir, 'current/srv/index.html'), 'utf8')).toBe(page);
  });

  it('no signer of the account signed', async ({ world }) => {
    const it = await running(world);
    const text = Buffer.from(await readDesired(world, it)).toString();

    await serve(world, it, Buffer.from(text.replace(/web-(\d+)/, 'wab-$1')));
    expect((await runOnce(it)).report).toMatchObject({
      status: 'refused',
      code: 'desired_state_signature_invalid',
    });
  });
});

describe('one correlation id', () => {
  it('leads from a tag through poll, verify and ingest', async ({ world }) => {
    const lines = await functionLogs();
    const site = { account: world.account, module: 'site' };
    const [ingested] = linesWith(lines, { service: 'ingest', ...site });

    expect(ingested).toMatchObject({
      message: 'ingest finished',
      outcome: 'ingested',
      version_id: expect.any(String),
      correlation_id: expect.any(String),
      message_id: expect.any(String),
      function_request_id: expect.any(String),
      duration_ms: expect.any(Number),
    });

    const flow = linesWith(lines, { correlation_id: ingested?.correlation_id });
    expect(flow.map(({ service }) => service)).toEqual(['poll', 'verify', 'ingest']);
    expect(linesWith(flow, site)).toHaveLength(3);
    expect(flow[1]?.version_id).toBe(ingested?.version_id);
  });

  it('leads from an API call through the operation to the report of the machine', async ({
    world,
  }) => {
    const it = await running(world);
    const before = await signed(world, it.id, 1);
    const key = authorKey();

    await world.register('banner', key);
    const source = { name: 'banner', files: { 'etc/banner': page } };

    await promote(world, await world.ingest(source, 'v1.0.0', key), 'staging');

    const correlation_id = `walk-${before.id}`;
    const response = await fetch(`${publicUrl}/api/v1/templates/${template.id}/assignments`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${world.token}`,
        'content-type': 'application/json',
        'x-correlation-id': correlation_id,
      },
      body: JSON.stringify({ module: 'banner' }),
    });

    expect(response.headers.get('x-correlation-id')).toBe(correlation_id);
    await signed(world, it.id, before.desired_version + 1);
    expect((await runOnce(it)).report).toMatchObject({ status: 'applied' });

    const lines = await functionLogs();
    const flow = linesWith(lines, { correlation_id });
    const services = flow.map(({ service }) => service);

    expect(services[0]).toBe('api');
    expect(new Set(services)).toEqual(new Set(['api', 'promote', 'compose', 'reconcile']));
    expect(linesWith(flow, { service: 'reconcile', instance_id: it.id })).toHaveLength(1);

    const [report] = linesWith(lines, {
      instance_id: it.id,
      desired_correlation_id: correlation_id,
    });
    expect(report).toMatchObject({
      service: 'api',
      path: '/api/v1/agent/report',
      report_status: 'applied',
      desired_state_version: before.desired_version + 1,
    });
  });
});
