import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generatedFormat } from '../../../shared/contract/reconcile/index.ts';
import { long, redisModule } from './redis-module.ts';
import { director, type Module, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
  await world.enroll();
});
afterEach(() => world.stop());

function inRoot(path: string): string {
  return join(world.dir, 'current', path);
}

describe('a desired state that is not to be applied', () => {
  let module: Module;
  beforeEach(async () => {
    module = await redisModule(world);
    await world.publish({ modules: [module], version: 5 });
    await world.run();
  });

  async function refused(code: string, status = 'refused'): Promise<string> {
    const { report, generation } = await world.run();
    expect(report).toMatchObject({
      status,
      code,
      desired_state_version: 5,
      running_module_digests: { 'my-redis': module.layer.composefs_digest },
    });

    expect(generation).toBe(1);
    expect(world.reports.at(-1)).toEqual(report);
    expect(await readFile(inRoot('etc/redis/redis.conf'), 'utf8')).toBe(`${long}version 7\n`);

    return report.message ?? '';
  }

  it('is an older one', async () => {
    await world.publish({ modules: [await redisModule(world, '6')], version: 4 });
    expect(await refused('desired_state_version_rollback')).toContain('version 4');
  });

  it('is one for another instance', async () => {
    const change = (custom: { instance: string }) => {
      custom.instance = 'ins_2';
    };
    await world.publish({ modules: [await redisModule(world, '8')], version: 6, change });
    expect(await refused('desired_state_foreign')).toContain('acme/ins_2');
  });

  it('is one signed by another key', async () => {
    await world.publish({
      modules: [await redisModule(world, '8')],
      version: 6,
      signer: director(),
    });
    await refused('desired_state_signature_invalid');
  });

  it('is one that is not metadata at all', async () => {
    world.objects.set('desired-state', Buffer.from('<html>'));
    await refused('desired_state_invalid');
  });

  it('is one that was served too late, and a held one that has grown old without news', async () => {
    await world.publish({
      modules: [await redisModule(world, '8')],
      version: 6,
      expires: new Date(Date.now() - 1000),
    });

    expect(await refused('desired_state_expired', 'stale')).toContain('expired');
    await world.publish({ modules: [module], version: 5 });

    const later = new Date(Date.now() + 8 * 86_400_000);
    world.now = () => later;
    await refused('desired_state_expired', 'stale');
  });

  it('is one whose layer was changed or cut short on the way', async () => {
    const next = await redisModule(world, '8');
    await world.publish({ modules: [next], version: 6 });

    const good = world.objects.get(next.layer.layer_digest) as Buffer;
    const changed = Buffer.from(good);

    changed[good.indexOf('version 8') + 8] = 0x39;
    world.objects.set(next.layer.layer_digest, changed);
    expect(await refused('layer_mismatch')).toContain(next.layer.layer_digest);
    world.objects.set(next.layer.layer_digest, good.subarray(0, good.length - 512));
    expect(await refused('layer_mismatch')).toContain(`${good.length - 512} bytes`);
    world.objects.set(next.layer.layer_digest, Buffer.concat([good, Buffer.alloc(512)]));
    expect(await refused('layer_mismatch')).toContain('more than');
    world.objects.set(next.layer.layer_digest, good);
    expect((await world.run()).report).toMatchObject({
      status: 'applied',
      desired_state_version: 6,
    });
  });

  it('is one that states another composefs digest than the layer has', async () => {
    const next = await redisModule(world, '8');
    await world.publish({
      modules: [next],
      version: 6,
      change: (custom) =>
        Object.assign(custom.layers[0] as object, { composefs_digest: `sha256:${'1'.repeat(64)}` }),
    });

    expect(await refused('layer_mismatch')).toContain('composefs digest');
  });

  it('is one whose layer is not the one of the signed manifest', async () => {
    const next = await redisModule(world, '8');
    const other = await world.module({ name: 'my-redis', files: { '/evil': long }, key: null });
    const { layer_digest } = other.layer;

    const mixed = {
      ...other,
      layer: {
        ...other.layer,
        digest: next.layer.digest,
        manifest_digest: next.layer.manifest_digest,
      },
    };

    await world.publish({ modules: [mixed], version: 6 });
    expect(await refused('layer_mismatch')).toContain(layer_digest);

    const viaIndex = { ...other, layer: { ...other.layer, digest: next.layer.digest } };
    await world.publish({ modules: [viaIndex], version: 7 });
    await refused('layer_mismatch');

    const signed = await world.module({ name: 'my-redis', files: { '/a': long }, index: true });
    const unlisted = { ...other, layer: { ...other.layer, digest: signed.layer.digest } };

    await world.publish({ modules: [unlisted], version: 8 });
    expect(await refused('layer_mismatch')).toContain('does not list');
  });

  it('is one whose signed manifest is another document where it is fetched', async () => {
    const [next, other] = [
      await redisModule(world, '8'),
      await world.module({ name: 'my-redis', files: { '/evil': long }, key: null }),
    ];
    const { digest } = next.layer;

    world.objects.set(digest, world.objects.get(other.layer.digest) as Buffer);
    await world.publish({
      modules: [{ ...other, layer: { ...other.layer, digest, manifest_digest: digest } }],
      version: 6,
    });
    expect(await refused('layer_mismatch')).toContain(`expected ${digest}`);
  });

  it('is one whose module nobody signed, somebody else signed, or no policy speaks of', async () => {
    await world.publish({
      modules: [await world.module({ name: 'my-redis', files: { '/a': long }, key: null })],
      version: 6,
    });
    expect(await refused('signature_refused')).toContain('unsigned');

    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const forged = await world.module({ name: 'my-redis', files: { '/b': long }, key: stranger });

    await world.publish({ modules: [forged], version: 7 });
    expect(await refused('signature_refused')).toContain('my-redis');

    const change = (custom: { signature_policies: unknown[] }) => {
      custom.signature_policies = [];
    };
    await world.publish({ modules: [await redisModule(world, '8')], version: 8, change });
    expect(await refused('signature_refused')).toContain('0 signature policies');
  });

  it('is one whose content is not handed out', async () => {
    const next = await redisModule(world, '8');
    await world.publish({ modules: [next], version: 6 });

    const layer = world.objects.get(next.layer.layer_digest) as Buffer;
    world.objects.delete(next.layer.layer_digest);
    expect(await refused('unavailable')).toContain(next.layer.layer_digest);
    world.objects.set(next.layer.layer_digest, layer);
    expect((await world.run()).report.status).toBe('applied');
  });

  it('is one whose stored signatures are of another artifact', async () => {
    const next = await redisModule(world, '8');
    const signatures = world.objects.get(`stored-signatures:${module.layer.digest}`) as Buffer;

    world.objects.set(`stored-signatures:${next.layer.digest}`, signatures);
    await world.publish({ modules: [next], version: 6 });
    expect(await refused('signature_refused')).toContain(module.layer.digest);

    const renamed = signatures
      .toString()
      .replaceAll(`"digest":"${module.layer.digest}"`, `"digest":"${next.layer.digest}"`);
    world.objects.set(`stored-signatures:${next.layer.digest}`, Buffer.from(renamed));
    await refused('signature_refused');
  });

  it('is one whose composition, masks or order are not what its layers give', async () => {
    const next = await redisModule(world, '8');
    const digest = `sha256:${'2'.repeat(64)}`;

    await world.publish({
      modules: [next],
      version: 6,
      change: (c) => Object.assign(c, { composition_digest: digest }),
    });

    expect(await refused('composition_mismatch')).toContain(digest);
    const mask = (custom: { layers: object[] }) =>
      Object.assign(custom.layers[0] as object, { effective_mask: ['/etc/redis/empty'] });

    await world.publish({ modules: [next], version: 7, change: mask });
    expect(await refused('composition_mismatch')).toContain('/etc/redis/empty');

    const tools = await world.module({
      name: 'tools',
      files: { '/usr/bin/tool': long },
      priority: 20,
    });

    await world.publish({
      modules: [next, tools],
      version: 8,
      change: (custom) => void custom.layers.reverse(),
    });

    expect(await refused('composition_mismatch')).toContain('ordered');
  });

  it('is one whose generated layer only a newer agent can make', async () => {
    const next = { modules: [await redisModule(world, '8')] };
    const newer = { generated_format: generatedFormat + 1 };
    const change = (custom: object) => Object.assign(custom, newer);
    await world.publish({ ...next, version: 6, change });
    world.requests.length = 0;

    const format = `format ${generatedFormat + 1}: expected at most ${generatedFormat}`;
    expect(await refused('agent_too_old')).toMatch(new RegExp(`${format}.*Upgrade the agent`));
    expect(world.requests.filter((request) => request.includes('sha256:'))).toEqual([]);

    const known = (custom: object) => Object.assign(custom, { generated_format: generatedFormat });
    await world.publish({ ...next, version: 7, change: known });
    expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
  });

  it('is one that renders a file which no module of its own says', async () => {
    const rendered = (path: string) => (custom: { rendered_files: unknown[] }) => {
      const content = Buffer.from('root::0:0::/:/bin/sh\n').toString('base64');
      custom.rendered_files.push({
        path,
        module: 'acme/my-redis',
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        content,
      });
    };

    let version = 6;
    for (const path of [
      '/etc/passwd',
      '/../../etc/passwd',
      '/etc/redis/link/x',
      'relative',
      '/etc/redis',
    ]) {
      await world.publish({ modules: [module], version: version++, change: rendered(path) });
      expect(await refused('composition_mismatch')).toContain(JSON.stringify(path));
    }
  });

  it('is one that the local policy does not name or judges more strictly', async () => {
    const policyFile = join(world.dir, 'policy.json');
    const modules = (value: unknown) => writeFile(policyFile, JSON.stringify({ modules: value }));
    const author = world.author.publicKey.export({ type: 'spki', format: 'pem' });

    const refusal = async () => {
      const { report, generation } = await world.run({ policyFile });
      expect(report).toMatchObject({ status: 'refused', code: 'signature_refused' });
      expect(generation).toBe(1);
      return report.message;
    };

    await modules({ 'umbrella/*': { keys: [author], require_tlog: false } });
    expect(await refusal()).toContain('local policy');
    await modules({ 'acme/*': { keys: [author], require_tlog: true } });
    expect(await refusal()).toContain('tlog_missing');
    await modules({ 'acme/*': { keys: [author], require_tlog: false } });
    expect((await world.run({ policyFile })).report.status).toBe('unchanged');
    await writeFile(policyFile, '{"modules": {"acme/*": {"require_tlog": "no"}}}');
    await expect(world.run({ policyFile })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
