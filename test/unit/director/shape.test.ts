import { generateKeyPairSync } from 'node:crypto';
import { Key, Metadata, Root, TargetFile, Targets } from '@tufjs/models';
import { describe, expect, it } from 'vitest';
import { isGantryError } from '../../../shared/base/error.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import type { DesiredState } from '../../../shared/contract/reconcile/index.ts';
import {
  contentHash,
  describeRoot,
  makeDesiredState,
  makeRoot,
  nextRoot,
  parseRoot,
  readClaimedContent,
  rootSha256,
  signMetadata,
  tufKey,
  verifyDesiredState,
  verifyNextRoot,
  verifyRoot,
} from '../../../shared/director/index.ts';
import { publicKeyOf } from '../../../shared/director/key.ts';
import { desiredStateOf, newDirector } from '../../support/director.ts';

const now = new Date('2026-03-01T12:00:00Z');
const inAWeek = new Date('2026-03-08T12:00:00Z');
const inAYear = new Date('2099-03-01T12:00:00Z');
const image = { length: 4096, sha256: 'a'.repeat(64) };
const sha512 = 'b'.repeat(128);

const pemOf = (key: ReturnType<typeof generateKeyPairSync>['publicKey']) =>
  key.export({ type: 'spki', format: 'pem' }).toString();

const director = newDirector();
const custom = desiredStateOf({ metadata: { z: 1, a: 2 } });

const made = (version = 3) => makeDesiredState({ custom, image, version, expires: inAWeek });
const signed = (metadata: Metadata<Root> | Metadata<Targets>) =>
  signMetadata(metadata, director.signer, director.keyId);
const firstRoot = () =>
  makeRoot({ publicKeyPem: director.publicKeyPem, expires: inAYear, version: 1 });

async function verify(bytes: Buffer, lastVersion = 0) {
  const root = await signed(firstRoot());
  return verifyDesiredState(bytes, {
    root: verifyRoot(root, rootSha256(root)),
    account: 'acme',
    instance: 'ins_1',
    lastVersion,
    now,
  });
}

function errorOf(run: () => unknown) {
  try {
    run();
  } catch (error) {
    if (isGantryError(error)) return error;
    throw error;
  }
  throw new Error('expected an error');
}

/** A desired state whose targets are changed before the director signs it. */
async function signedTargets(change: (json: Record<string, unknown>) => void): Promise<Buffer> {
  const json = JSON.parse(JSON.stringify(made().signed.toJSON()));
  change(json);
  return await signed(new Metadata(Targets.fromJSON(json)));
}

/** A root whose JSON is changed before the director signs it. */
async function signedRoot(change: (json: ReturnType<typeof rootJson>) => void): Promise<Buffer> {
  const json = rootJson();
  change(json);
  return await signed(new Metadata(Root.fromJSON(JSON.parse(JSON.stringify(json)))));
}

function rootJson() {
  return JSON.parse(JSON.stringify(firstRoot().signed.toJSON())) as {
    version: number;
    roles: Record<string, { keyids: string[]; threshold: number }>;
    keys: Record<string, unknown>;
  };
}

describe('metadata', () => {
  it('is read up to its limit of bytes, and not beyond', async () => {
    const bytes = await signed(firstRoot());
    const padded = Buffer.alloc(limits.directorMetadataBytesMax, ' ');
    bytes.copy(padded);
    expect(parseRoot(padded).signed.version).toBe(1);

    const error = errorOf(() => parseRoot(Buffer.concat([padded, Buffer.from(' ')])));
    expect(error).toMatchObject({ code: 'root_untrusted' });
    expect(error.message).toContain('at most');
  });

  it.each(['[]', 'null', '1', '"text"'])('that is %s is no object', (text) => {
    const error = errorOf(() => parseRoot(Buffer.from(text)));
    expect(error).toMatchObject({ code: 'root_untrusted', cause: expect.any(TypeError) });
    expect(error.message).toContain('expected an object');
  });

  it('that is not UTF-8 is refused', () => {
    const json = { signed: { ...rootJson(), note: 'X' }, signatures: [] };
    const text = JSON.stringify(json);
    expect(parseRoot(Buffer.from(text)).signed.version).toBe(1);
    const broken = Buffer.from(text.replace('"X"', '"\xff"'), 'latin1');
    expect(errorOf(() => parseRoot(broken)).code).toBe('root_untrusted');
  });
});

describe('a root', () => {
  it('that is not the pinned one says which it is', async () => {
    const bytes = await signed(firstRoot());
    const pinned = 'f'.repeat(64);
    expect(errorOf(() => verifyRoot(bytes, pinned))).toMatchObject({
      code: 'root_untrusted',
      expected: pinned,
      found: rootSha256(bytes),
    });
  });

  it.each(['root', 'targets', 'snapshot'])('needs whole signatures for %s', (role) => {
    for (const threshold of [0, -1, 1.5]) {
      const json = rootJson();
      Object.assign(json.roles[role] ?? {}, { threshold });
      const text = JSON.stringify({ signed: json, signatures: [] });
      expect(errorOf(() => parseRoot(Buffer.from(text))).code).toBe('root_untrusted');
    }
  });

  it('has each key under the id of its content', async () => {
    const id = 'f'.repeat(64);
    const bytes = await signedRoot((json) => {
      json.keys[id] = json.keys[director.keyId];
    });
    expect(errorOf(() => parseRoot(bytes))).toMatchObject({ expected: director.keyId, found: id });
  });

  it('with a key that cannot be read is refused, with the reason', async () => {
    const bytes = await signedRoot((json) => {
      json.keys[director.keyId] = {
        keytype: 'ed25519',
        scheme: 'ed25519',
        keyval: { public: 'zz' },
      };
    });
    const error = errorOf(() => parseRoot(bytes));
    expect(error).toMatchObject({ code: 'root_untrusted', cause: expect.any(Error) });
    expect(error.message).toContain('cannot be read');
  });

  it('is followed by the next version only, and the error says which', async () => {
    const first = await signed(firstRoot());
    const current = verifyRoot(first, rootSha256(first));
    const third = await signedRoot((json) => {
      json.version = 3;
    });
    expect(errorOf(() => verifyNextRoot(third, current))).toMatchObject({ expected: 2, found: 3 });
  });

  it('has the recovery key beside the director key, and either may sign the next', () => {
    const recovery = newDirector();
    const root = makeRoot({
      publicKeyPem: director.publicKeyPem,
      recoveryKeyPem: recovery.publicKeyPem,
      expires: inAYear,
      version: 1,
    });
    expect(describeRoot(root)).toMatchObject({
      threshold: 1,
      keys: [{ key_id: director.keyId }, { key_id: recovery.keyId }],
      director: { key_id: director.keyId, type: 'ecdsa', public_key: director.publicKeyPem },
      expires_at: inAYear.toISOString(),
    });
    expect(root.signed.roles.targets?.keyIDs).toEqual([director.keyId]);
  });

  it('has so many keys at most', () => {
    const keys = Array.from({ length: limits.rootKeysMax }, () => newDirector().publicKeyPem);
    const most = nextRoot(firstRoot(), { add: keys.slice(1) }, inAYear);
    expect(describeRoot(most).keys).toHaveLength(limits.rootKeysMax);
    expect(errorOf(() => nextRoot(firstRoot(), { add: keys }, inAYear))).toMatchObject({
      code: 'root_change_invalid',
      field: 'add',
    });
  });

  it('may need a signature of every key, of one more never', () => {
    const add = [newDirector().publicKeyPem];
    const next = nextRoot(firstRoot(), { add, threshold: 2 }, inAYear);
    expect(describeRoot(next)).toMatchObject({ version: 2, threshold: 2 });
    const tooMany = errorOf(() => nextRoot(firstRoot(), { add, threshold: 3 }, inAYear));
    expect(tooMany).toMatchObject({ code: 'root_change_invalid', field: 'threshold' });
  });

  it('that gives a role to a key it does not have cannot be described', () => {
    const root = firstRoot();
    delete root.signed.keys[director.keyId];
    expect(errorOf(() => describeRoot(root))).toMatchObject({ code: 'root_change_invalid' });
  });
});

describe('a desired state', () => {
  it.each<[string, (json: Record<string, unknown>) => void, string]>([
    ['no target', (json) => Object.assign(json, { targets: {} }), 'found none'],
    [
      'another target',
      (json) => {
        const { targets } = json as { targets: Record<string, unknown> };
        json.targets = { other: targets['composition.erofs'] };
      },
      'found other',
    ],
    [
      'a second target',
      (json) => {
        const { targets } = json as { targets: Record<string, unknown> };
        json.targets = { ...targets, other: targets['composition.erofs'] };
      },
      'found composition.erofs, other',
    ],
    [
      'a target without SHA-256',
      (json) => {
        const { targets } = json as { targets: Record<string, object> };
        Object.assign(targets['composition.erofs'] ?? {}, { hashes: { sha512 } });
      },
      'no SHA-256',
    ],
    [
      'a longer digest',
      (json) => {
        const { targets } = json as { targets: Record<string, object> };
        Object.assign(targets['composition.erofs'] ?? {}, { hashes: { sha256: sha512 } });
      },
      'no SHA-256',
    ],
    ['the version 0', (json) => Object.assign(json, { version: 0 }), 'version is 0'],
  ])('with %s is refused although the director signed it', async (_, change, why) => {
    const bytes = await signedTargets(change);
    await expect(verify(bytes)).rejects.toMatchObject({
      code: 'desired_state_invalid',
      message: expect.stringContaining(why),
    });
  });

  it('may have the version 1', async () => {
    expect((await verify(await signed(made(1)))).version).toBe(1);
  });

  it('says what it is for, and what this machine has seen', async () => {
    const bytes = await signed(made());
    await expect(verify(bytes, 4)).rejects.toMatchObject({ expected: 4, found: 3 });

    const foreign = { ...custom, instance: 'ins_2' };
    const other = makeDesiredState({ custom: foreign, image, version: 3, expires: inAWeek });
    await expect(verify(await signed(other))).rejects.toMatchObject({
      expected: 'acme/ins_1',
      found: 'acme/ins_2',
    });
  });

  it('says when it expired', async () => {
    const old = makeDesiredState({ custom, image, version: 3, expires: now });
    await expect(verify(await signed(old))).rejects.toMatchObject({
      code: 'desired_state_expired',
      expected: `later than ${now.toJSON()}`,
      found: '2026-03-01T12:00:00Z',
    });
  });

  it.each([
    [{ load: 0.5 }, { field: 'metadata.load', found: 0.5 }],
    [{ list: [1, { at: 2 ** 53 }] }, { field: 'metadata.list.1.at', found: 2 ** 53 }],
  ])('is not made with the metadata %j', (metadata, error) => {
    const run = () =>
      makeDesiredState({ custom: { ...custom, metadata }, image, version: 1, expires: inAWeek });
    expect(errorOf(run)).toMatchObject({ code: 'desired_state_invalid', ...error });
  });

  it.each([0, -1, 1.5, 2 ** 53])('is not made with the version %d', (version) => {
    expect(errorOf(() => made(version)).code).toBe('desired_state_invalid');
  });

  it('says at which field it is not well formed', () => {
    const broken = { ...custom, composition_digest: 'b' };
    const run = () => makeDesiredState({ custom: broken, image, version: 1, expires: inAWeek });
    expect(errorOf(run)).toMatchObject({ field: 'composition_digest' });
  });

  it('keeps the signatures that it has, so that a threshold can be met', async () => {
    const metadata = made();
    const second = newDirector();
    await signed(metadata);
    const bytes = await signMetadata(metadata, second.signer, second.keyId);
    const { signatures } = JSON.parse(bytes.toString());
    expect(signatures.map(({ keyid }: { keyid: string }) => keyid)).toEqual([
      director.keyId,
      second.keyId,
    ]);
  });
});

describe('the content of a desired state', () => {
  it('is the same whatever its version, time, signatures and order of fields', async () => {
    const bytes = await signed(made(7));
    const content = readClaimedContent(bytes);
    expect(content).toEqual({ custom, image });

    const turned = Object.fromEntries(Object.entries(custom).reverse()) as unknown as DesiredState;
    const hash = contentHash({ custom, image });
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(contentHash(content)).toBe(hash);
    expect(contentHash({ custom: turned, image })).toBe(hash);
  });

  it.each([
    ['another length of the image', { image: { ...image, length: 1 } }],
    ['another image', { image: { ...image, sha256: 'c'.repeat(64) } }],
    ['another track', { custom: { ...custom, track: 'staging' as const } }],
  ])('differs with %s', (_, more) => {
    expect(contentHash({ custom, image, ...more })).not.toBe(contentHash({ custom, image }));
  });

  it('is not read from what has another target', () => {
    const metadata = made();
    metadata.signed.addTarget(
      new TargetFile({ path: 'other', length: 1, hashes: { sha256: image.sha256 } }),
    );
    const bytes = Buffer.from(JSON.stringify(metadata.toJSON()));
    expect(errorOf(() => readClaimedContent(bytes)).code).toBe('desired_state_invalid');
  });
});

describe('a key', () => {
  it('of another curve is refused, and the error says which', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    expect(errorOf(() => tufKey(pemOf(publicKey)))).toMatchObject({
      code: 'key_invalid',
      expected: ['prime256v1', 'ed25519'],
      found: 'secp384r1',
    });
  });

  it.each(['ec', 'ed25519'])('of %s reads back as it was', (type) => {
    const { publicKey } =
      type === 'ed25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(publicKeyOf(tufKey(pemOf(publicKey)))).toBe(pemOf(publicKey));
  });

  it('is read with white space around it, and with nothing else', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = pemOf(publicKey);
    const same = expect.objectContaining({ keyID: tufKey(pem).keyID });
    for (const text of [pem.trim(), `\n \n${pem} \n`]) expect(tufKey(text)).toEqual(same);

    const garbage = pem.replace(/M[^-]+/, 'AAAA\n');
    for (const text of [`x${pem}`, `${pem}x`, `${pem}${pem}`, garbage])
      expect(errorOf(() => tufKey(text)).code).toBe('key_invalid');
    expect(errorOf(() => tufKey(garbage))).toMatchObject({ found: 'bytes that do not decode' });
  });

  it.each([
    ['an Ed25519 key that is not hex', 'ed25519', 'zz'],
    ['no PEM', 'ecdsa', 'no key'],
  ])('that is %s is refused', (_, keyType, text) => {
    const keyVal = { public: text };
    const key = new Key({ keyID: 'f'.repeat(64), keyType, scheme: keyType, keyVal });
    expect(errorOf(() => publicKeyOf(key)).code).toBe('key_invalid');
  });
});
