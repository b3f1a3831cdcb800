import { createPrivateKey, createPublicKey } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enroll, readJoinToken } from '../../../agent/enroll.ts';
import { takeLock } from '../../../agent/lock.ts';
import { makeRoot, signMetadata } from '../../../shared/director/index.ts';
import { director, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

describe('enrolling', () => {
  it('pins the root of the token and keeps key and credential to itself', async () => {
    const { config, sealingKey } = await enroll({ token: world.token(), dir: world.dir });
    expect(config).toEqual({
      url: world.url,
      account: 'acme',
      instance: 'ins_1',
      writable_paths: ['/var'],
      on_decommission: 'keep',
      way: 'directory',
      layout: 'auto',
    });

    expect(await readFile(join(world.dir, 'agent/root.json'))).toEqual(world.roots[0]);
    expect((await stat(join(world.dir, 'agent'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(world.dir, 'agent/key.pem'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(world.dir, 'agent/credential'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(world.dir, 'agent/sealing-key.pem'))).mode & 0o777).toBe(0o600);

    const key = createPrivateKey(await readFile(join(world.dir, 'agent/sealing-key.pem')));
    expect(createPublicKey(key).export({ format: 'jwk' })).toMatchObject({
      crv: 'X25519',
      x: sealingKey,
    });
  });

  it('keeps nothing from an answer whose root is not the pinned one', async () => {
    const token = world.token();
    const other = director();

    const root = makeRoot({
      publicKeyPem: other.publicKeyPem,
      expires: new Date('2099-01-01'),
      version: 1,
    });

    world.roots = [await signMetadata(root, other.signer, other.keyId)];
    await expect(enroll({ token, dir: world.dir })).rejects.toMatchObject({
      code: 'root_untrusted',
    });
    expect((await readdir(join(world.dir, 'agent'))).sort()).toEqual([
      'clock.json',
      'key.pem',
      'sealing-key.pem',
    ]);
  });

  it('sends the key for sealed values, and each heartbeat the one that is there then', async () => {
    const { sealingKey } = await enroll({ token: world.token(), dir: world.dir });
    await world.publish({ modules: [], version: 1 });
    await world.run();
    expect(world.sealingKeys).toEqual([sealingKey, sealingKey]);

    // A machine that an earlier release enrolled has none.
    const [key, session] = ['sealing-key.pem', 'session.json'].map((name) =>
      join(world.dir, 'agent', name),
    ) as [string, string];
    await Promise.all([rm(key), rm(session)]);
    await world.run();
    const made = createPublicKey(createPrivateKey(await readFile(key)));
    expect(world.sealingKeys.at(-1)).toBe(made.export({ format: 'jwk' }).x);
    expect(world.sealingKeys.at(-1)).not.toBe(sealingKey);

    await writeFile(key, 'no key');
    await rm(session);
    expect((await world.run()).report).toMatchObject({
      code: 'io_error',
      message: expect.stringContaining(`of the type x25519 in ${key}`),
    });
  });

  it('happens once per directory and once per token', async () => {
    await world.enroll();
    await expect(world.enroll()).rejects.toMatchObject({ code: 'already_exists' });

    const second = join(world.dir, 'second');
    await expect(
      enroll({ token: world.token({ secret: 'join-secret' }), dir: second }),
    ).rejects.toMatchObject({
      code: 'join_token_used',
    });
  });

  it('refuses an invalid token, without repeating it, and a control plane without TLS', async () => {
    expect(() => readJoinToken('c2VjcmV0')).toThrow(/^(?!.*c2Vjc).*must be base64url JSON/);
    await expect(enroll({ token: 'c2VjcmV0', dir: world.dir })).rejects.toMatchObject({
      code: 'join_token_invalid',
    });

    for (const host of [
      'gantry.example',
      '127.evil.example',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
    ]) {
      const token = world.token({ url: `http://${host}` });
      await expect(enroll({ token, dir: world.dir })).rejects.toMatchObject({
        code: 'invalid_request',
      });
    }
  });
});

describe('an agent’s directory', () => {
  it('must be enrolled', async () => {
    await expect(world.run()).rejects.toMatchObject({ code: 'prerequisite_missing' });
  });

  it('is for one agent at a time, and a lock left by a process that is gone is taken over', async () => {
    await world.enroll();
    await world.publish({ modules: [], version: 1 });

    const lock = join(world.dir, 'agent/lock');
    const release = await takeLock(lock);

    await expect(world.run()).rejects.toMatchObject({ code: 'conflict' });
    await release();
    await symlink('999999999 some-boot 12345', lock);
    expect((await world.run()).report.status).toBe('applied');
    // The same pid of another boot.
    await symlink('1 another-boot 1', lock);
    expect((await world.run()).report.status).toBe('unchanged');

    const init = await identityOf(1);
    await symlink(init, lock);
    await expect(world.run()).rejects.toMatchObject({ code: 'conflict' });
    await rm(lock);
  });

  it('loses all credentials of the machine when it is decommissioned', async () => {
    await world.enroll();
    await world.publish({ modules: [], version: 1 });
    world.refuse = { verb: 'report', status: 410, code: 'instance_decommissioned' };
    await expect(world.run()).rejects.toMatchObject({ code: 'instance_decommissioned' });
    expect((await readdir(join(world.dir, 'agent'))).sort()).toEqual([]);
  });

  it('is cleared of what a crash left', async () => {
    await world.enroll();
    await world.publish({
      modules: [await world.module({ name: 'a', files: { '/etc/a': 'a' } })],
      version: 1,
    });
    await world.run();
    await mkdir(join(world.dir, 'generations/.tmp-2/closed/dir'), { recursive: true });
    await chmod(join(world.dir, 'generations/.tmp-2/closed'), 0o500);
    await mkdir(join(world.dir, 'generations/2'));
    await writeFile(join(world.dir, 'generations/2.state.json'), '{}');

    for (const path of [
      '.tmp-current',
      'agent/.tmp-x',
      'images/.tmp-x',
      'store/layers/.tmp-x',
      'store/incoming/x',
    ]) {
      await writeFile(join(world.dir, path), 'half');
    }

    expect((await world.run()).report).toMatchObject({ status: 'unchanged', health: 'healthy' });
    expect((await readdir(join(world.dir, 'generations'))).sort()).toEqual(['1', '1.state.json']);

    expect((await readdir(world.dir)).sort()).toEqual([
      'agent',
      'current',
      'generations',
      'images',
      'machine-data',
      'state.json',
      'store',
    ]);

    expect((await readdir(join(world.dir, 'images'))).length).toBe(1);
    expect(await readdir(join(world.dir, 'store/incoming'))).toEqual([]);
  });
});

describe('an account root', () => {
  it('is followed to the next version that the pinned one signed, also when the hourly heartbeat is not due', async () => {
    await world.enroll();
    await world.publish({ modules: [], version: 1 });
    await world.run();

    const next = director();
    const root = makeRoot({
      publicKeyPem: next.publicKeyPem,
      expires: new Date('2099-01-01'),
      version: 2,
    });

    await signMetadata(root, next.signer, next.keyId);
    world.roots[1] = await signMetadata(root, world.director.signer, world.director.keyId);
    await world.publish({ modules: [], version: 2, signer: next, metadata: { moved: 1 } });

    expect((await world.run()).report).toMatchObject({
      status: 'applied',
      code: null,
      desired_state_version: 2,
    });

    await world.publish({ modules: [], version: 3 });
    expect((await world.run()).report).toMatchObject({
      status: 'refused',
      code: 'desired_state_signature_invalid',
    });
  });

  it('is not replaced by one that only names itself the next', async () => {
    await world.enroll();
    const next = director();

    const root = makeRoot({
      publicKeyPem: next.publicKeyPem,
      expires: new Date('2099-01-01'),
      version: 2,
    });

    world.roots[1] = await signMetadata(root, next.signer, next.keyId);
    await world.publish({ modules: [], version: 1, signer: next });

    expect((await world.run()).report).toMatchObject({
      status: 'refused',
      code: 'root_untrusted',
      health: 'unknown',
    });
  });
});

async function identityOf(pid: number): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  return `${pid} ${boot.trim()} ${text.slice(text.lastIndexOf(')') + 2).split(' ')[19]}`;
}
