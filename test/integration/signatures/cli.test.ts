import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cosignCase, cosignFixtures, readFixture } from '../../../scripts/cosign-fixtures.ts';
import { RegistryClient } from '../../../shared/registry/index.ts';
import {
  basicCredentials,
  type DockerRegistry,
  loadLayout,
  startDockerRegistry,
} from '../../support/docker-registry.ts';
import { type Ended, runGantry } from '../../support/gantry.ts';

const goodKey = join(cosignFixtures, 'keys/good.key');
const goodPub = join(cosignFixtures, 'keys/good.pub');
const wrongPub = join(cosignFixtures, 'keys/wrong.pub');
const trustedRoot = join(cosignFixtures, 'trust/trusted_root.json');

let registry: DockerRegistry;
let directory: string;
let tar: string;

beforeAll(async () => {
  registry = await startDockerRegistry();
  directory = await mkdtemp(join(tmpdir(), 'gantry-cli-'));
  tar = join(directory, 'module.tar');
  await writeFile(tar, tarHeader(1_700_000_000));
});

afterAll(async () => {
  await registry?.stop();
  await rm(directory, { recursive: true, force: true });
});

describe('gantry module verify', () => {
  const keyless = cosignCase('keyless-ok');
  const pair = [
    '--identity-regexp',
    keyless.identity_regexp ?? '',
    '--issuer-regexp',
    keyless.issuer_regexp ?? '',
  ];

  test('says in JSON who signed, and ends with 0', async () => {
    const ref = await load('keyless-ok');
    const { code, stdout } = await run([
      'verify',
      ref,
      ...pair,
      '--trusted-root',
      trustedRoot,
      '--json',
    ]);

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      verified: true,
      digest: keyless.digest,
      signatures: [
        {
          format: 'bundle',
          source: 'fallback_tag',
          identity: 'https://git.ipnode.test/acme/modules/my-redis-module@refs/tags/v0.1.0',
          issuer: 'http://127.0.0.1:7101',
          key_id: null,
          verified: true,
          code: 'verified',
        },
      ],
    });
  });

  test('takes identities exactly, where they are no regexps', async () => {
    const ref = await load('keyless-ok');
    const signer = 'https://git.ipnode.test/acme/modules/my-redis-module@refs/tags/v0.1.0';

    const asked = async (identity: string, ...issuer: string[]) => {
      const flags = ['--identity', identity, ...issuer, '--trusted-root', trustedRoot, '--json'];
      const { code, stdout } = await run(['verify', ref, ...flags]);
      return [code, stdout === '' ? null : JSON.parse(stdout).code];
    };

    const issuer = ['--issuer', 'http://127.0.0.1:7101'];
    expect(await asked(signer, ...issuer)).toEqual([0, 'verified']);
    expect(await asked(signer, ...pair.slice(2))).toEqual([0, 'verified']);
    expect(await asked(signer.slice(0, -1), ...issuer)).toEqual([1, 'identity_mismatch']);
    expect(await asked(signer.replace('.test', '.t.st'), ...issuer)).toEqual([
      1,
      'identity_mismatch',
    ]);
    expect(await asked(signer, ...issuer, '--identity-regexp', '^a$')).toEqual([2, null]);
    expect(await asked(signer)).toEqual([2, null]);
  });

  test('holds the workflow and its attestations to what is asked', async () => {
    const ref = await load('keyless-attested');
    const asked = async (...more: string[]) => {
      const { code, stdout } = await run([
        'verify',
        ref,
        ...pair,
        '--trusted-root',
        trustedRoot,
        '--json',
        ...more,
      ]);
      return [code, stdout === '' ? null : JSON.parse(stdout).code];
    };

    expect(await asked('--claim', 'build_trigger=^push$')).toEqual([0, 'verified']);
    expect(await asked('--claim', 'build_trigger=^release$')).toEqual([1, 'claim_mismatch']);
    expect(await asked('--claim', 'trigger=^push$')).toEqual([2, null]);
    expect(await asked('--require-attestation', 'https://slsa.dev/provenance')).toEqual([
      0,
      'verified',
    ]);
    expect(await asked('--require-attestation', 'https://spdx.dev/Document')).toEqual([
      1,
      'attestation_missing',
    ]);
  });

  test('shows every signature and its verdict to people', async () => {
    const ref = await load('two-signatures-second-matches');
    const { code, stdout } = await run(['verify', ref, ...pair, '--trusted-root', trustedRoot]);

    expect(code).toBe(0);
    expect(stdout).toMatch(
      /✗ bundle \(fallback_tag sha256:.*\n.*evil.*\n +identity_mismatch: signed by/,
    );
    expect(stdout).toMatch(
      /✓ bundle \(fallback_tag sha256:.*\n +https:\/\/git.*\n +transparency log/,
    );
  });

  test('accepts any of several keys and identities, as a registration does', async () => {
    const ref = await load('keyless-ok');
    const { code } = await run([
      'verify',
      ref,
      '--key',
      wrongPub,
      '--key',
      goodPub,
      ...pair,
      '--trusted-root',
      trustedRoot,
    ]);

    expect(code).toBe(0);
  });

  test('ends with 1 when not verified, with the reason', async () => {
    const ref = await load('unsigned');
    const { code, stdout } = await run([
      'verify',
      ref,
      '--key',
      goodPub,
      '--no-require-tlog',
      '--json',
    ]);

    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ verified: false, code: 'unsigned', signatures: [] });
  });

  test.each([
    ['neither key nor identity', [], 'usage'],
    ['one regexp of the pair', ['--identity-regexp', '^a$'], 'usage'],
    ['a claim of no identity', ['--key', goodPub, '--claim', 'build_trigger=^push$'], 'usage'],
    [
      'a regexp that RE2 does not know',
      ['--identity-regexp', '(?=a)', '--issuer-regexp', '^b$'],
      'regexp_invalid',
    ],
    ['a private key', ['--key', goodKey], 'key_invalid'],
    ['a missing file', ['--key', '/nowhere/cosign.pub'], 'io_error'],
    [
      'a trust root that is none',
      ['--key', goodPub, '--trusted-root', 'package.json'],
      'trusted_root_invalid',
    ],
  ])('ends with 2 for %s', async (_, flags, reason) => {
    const { code, stderr } = await run([
      'verify',
      `${registry.host}/fx/none:v1`,
      ...flags,
      '--json',
    ]);

    expect(code).toBe(2);
    expect(JSON.parse(stderr).error.code).toBe(reason);
  });

  test('ends with 2 when the registry cannot be reached: that is not "unsigned"', async () => {
    const { code, stderr } = await run([
      'verify',
      '127.0.0.1:1/fx/none:v1',
      '--key',
      goodPub,
      '--no-require-tlog',
    ]);

    expect(code).toBe(2);
    expect(stderr).toContain('registry_unreachable');
  });
});

describe('gantry module push and sign', () => {
  test('what is pushed and signed verifies with the key, and not with another', async () => {
    const ref = `${registry.host}/acme/redis:v1.0.0`;
    const pushed = await json(['push', directory, ref]);

    expect(pushed.uploaded).toBe(true);
    const signed = await json(['sign', ref, '--key', goodKey, '--annotation', 'commit=abc']);

    expect(signed.digest).toBe(pushed.digest);

    const good = await run([
      'verify',
      ref,
      '--key',
      goodPub,
      '--no-require-tlog',
      '--annotation',
      'commit=abc',
      '--json',
    ]);

    expect(good.code).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({
      digest: pushed.digest,
      signatures: [{ key_id: signed.key_id }],
    });

    const codes = [];
    for (const flags of [
      ['--key', wrongPub, '--no-require-tlog'],
      ['--key', goodPub],
      ['--key', goodPub, '--no-require-tlog', '--annotation', 'commit=other'],
    ]) {
      const { code, stdout } = await run(['verify', ref, ...flags, '--json']);
      codes.push([code, JSON.parse(stdout).code]);
    }

    expect(codes).toEqual([
      [1, 'key_mismatch'],
      [1, 'tlog_missing'],
      [1, 'annotation_mismatch'],
    ]);
  });

  test('the same tar gives the same digest, and is not sent twice', async () => {
    const first = await json(['push', tar, `${registry.host}/acme/again:v1`]);
    const second = await json(['push', directory, `${registry.host}/acme/again:v2`]);

    expect(second.digest).toBe(first.digest);
    expect(second.uploaded).toBe(false);

    const client = new RegistryClient({ host: registry.host });
    const { bytes } = await client.getManifest('acme/again', 'v2');

    expect(JSON.parse(Buffer.from(bytes).toString('utf8')).annotations).toEqual({
      'org.opencontainers.image.created': '2023-11-14T22:13:20Z',
    });
  });

  test('a signature is stored as cosign stores it, to the byte, apart from signature and time', async () => {
    const entry = cosignCase('keyed-bundle-notlog-ok');
    await loadLayout(registry, 'fx/resigned', join(cosignFixtures, entry.layout));

    const client = new RegistryClient({ host: registry.host });
    const listed = async () =>
      (await client.fallbackReferrers('fx/resigned', entry.digest))?.descriptors ?? [];
    const [theirs] = await listed();

    await json(['sign', `${registry.host}/fx/resigned:${entry.tag}`, '--key', goodKey]);
    const all = await listed();
    const ours = all.find(({ digest }) => digest !== theirs?.digest);

    expect(all).toHaveLength(2);
    expect([...all].map(({ digest }) => digest)).toEqual(all.map(({ digest }) => digest).sort());

    const shape = async (digest: string) => {
      const { bytes } = await client.getManifest('fx/resigned', digest);
      const manifest = Buffer.from(bytes).toString('utf8');
      const layer = JSON.parse(manifest).layers[0];
      const bundle = Buffer.from(await client.readBlob('fx/resigned', layer, 10_000)).toString(
        'utf8',
      );

      return [
        manifest
          .replace(layer.digest, 'LAYER')
          .replace(/"size":65[0-9]/, 'SIZE')
          .replace(/created":"[^"]*Z"/, 'TIME'),
        bundle.replace(/"sig":"[^"]*"/, 'SIG'),
      ];
    };

    expect(await shape(ours?.digest ?? '')).toEqual(await shape(theirs?.digest ?? ''));
  });

  test('a wrong password, a missing password and a broken key give different errors', async () => {
    const ref = `${registry.host}/acme/redis:v1.0.0`;
    const wrong = await run(['sign', ref, '--key', goodKey, '--json'], {
      COSIGN_PASSWORD: 'wrong',
    });

    expect([wrong.code, JSON.parse(wrong.stderr).error.code]).toEqual([2, 'key_password_wrong']);
    const publicKey = await run(['sign', ref, '--key', goodPub, '--json']);

    expect([publicKey.code, JSON.parse(publicKey.stderr).error.code]).toEqual([2, 'key_invalid']);
  });

  test('plain PEM keys of every supported kind sign', async () => {
    const kinds = {
      p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      ed25519: generateKeyPairSync('ed25519'),
      rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    };
    for (const [kind, { privateKey, publicKey }] of Object.entries(kinds)) {
      const ref = `${registry.host}/acme/${kind}:v1`;
      const [priv, pub] = [join(directory, `${kind}.key`), join(directory, `${kind}.pub`)];

      await writeFile(priv, privateKey.export({ format: 'pem', type: 'pkcs8' }));
      await writeFile(pub, publicKey.export({ format: 'pem', type: 'spki' }));
      await json(['push', tar, ref]);
      await json(['sign', ref, '--key', priv]);
      expect((await run(['verify', ref, '--key', pub, '--no-require-tlog'])).code).toBe(0);
    }
  });

  test('pushing to a digest and without a tag are refused', async () => {
    const digest = `${registry.host}/a/b@${cosignCase('unsigned').digest}`;
    for (const ref of [digest, `${registry.host}/a/b`, 'a/b:v1']) {
      expect((await run(['push', tar, ref])).code).toBe(2);
    }
  });

  test('the credentials of docker login are used', async () => {
    const closed = await startDockerRegistry({ auth: 'basic' });
    try {
      const ref = `${closed.host}/acme/closed:v1`;
      const refused = await run(['push', tar, ref, '--json']);

      expect([refused.code, JSON.parse(refused.stderr).error.code]).toEqual([
        2,
        'registry_unauthorized',
      ]);

      const auth = Buffer.from(
        `${basicCredentials.username}:${basicCredentials.password}`,
      ).toString('base64');
      await writeFile(
        join(directory, 'config.json'),
        JSON.stringify({ auths: { [closed.host]: { auth } } }),
      );

      const pushed = await run(['push', tar, ref], { DOCKER_CONFIG: directory });
      expect(pushed.code).toBe(0);
    } finally {
      await closed.stop();
    }
  });
});

function run(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const alone = { HOME: directory, DOCKER_CONFIG: undefined, COSIGN_PASSWORD: '', NO_COLOR: '1' };
  return runGantry(['module', ...args], { env: { ...alone, ...env } });
}

async function json(args: string[]) {
  const { code, stdout, stderr } = await run([...args, '--json']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

async function load(name: string): Promise<string> {
  const entry = cosignCase(name);
  await loadLayout(registry, entry.repository, join(cosignFixtures, entry.layout));
  return `${registry.host}/${entry.repository}:${entry.tag}`;
}

/** Enough of a tar for a push, which does not look further: one header with a time, and the end. */
function tarHeader(mtime: number): Buffer {
  const header = Buffer.alloc(512);
  header.write('manifest.json');
  header.write(`${mtime.toString(8).padStart(11, '0')}\0`, 136);
  return Buffer.concat([header, Buffer.alloc(1024)]);
}

test('the fixtures carry the key that the tests sign with', () => {
  expect(readFixture('keys/good.key')).toContain('ENCRYPTED SIGSTORE PRIVATE KEY');
});
