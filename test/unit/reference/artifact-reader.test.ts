import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata, Targets } from '@tufjs/models';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signMetadata, tufKey } from '../../../shared/director/index.ts';
import { artifactExamples } from '../../support/artifact-examples.ts';

/**
 * Another program, which knows docs/reference/modules/artifact.md and tar(1) only: it takes nothing
 * from Gantry but `gantry composefs image`, in the place of mkcomposefs.
 */
const main = new URL('../../../cli/main.ts', import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), 'artifact-reader-'));
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

/** The page's "composefs digest" of a directory. */
function composefsDigest(directory: string): string {
  const args = [
    main,
    'composefs',
    'image',
    '--print-digest',
    directory,
    join(scratch, 'image.erofs'),
  ];
  return execFileSync(process.execPath, args, { encoding: 'utf8' }).trim();
}

/**
 * fs-verity of one block or less: SHA-256, blocks of 4096 bytes, no salt (Linux,
 * Documentation/filesystems/fsverity).
 */
function fsVerity(content: Buffer): string {
  const block = Buffer.alloc(4096);
  content.copy(block);

  const descriptor = Buffer.alloc(256);
  descriptor.set([1, 1, 12, 0]);
  descriptor.writeBigUInt64LE(BigInt(content.length), 8);
  Buffer.from(sha256(block), 'hex').copy(descriptor, 16);

  return sha256(descriptor);
}

/** OLPC canonical JSON. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'string') return `"${value.replace(/[\\"]/g, '\\$&')}"`;
  if (typeof value !== 'object' || value === null) return String(value);

  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${canonical(key)}:${canonical((value as Record<string, unknown>)[key])}`).join(',')}}`;
}

describe('a program that knows docs/reference/modules/artifact.md only', () => {
  let made: Awaited<ReturnType<typeof artifactExamples>>;
  beforeAll(async () => {
    made = await artifactExamples();
    for (const [digest, bytes] of made.tars) {
      const directory = join(scratch, digest);
      mkdirSync(directory);
      writeFileSync(join(directory, 'module.tar'), bytes);

      execFileSync(
        'tar',
        ['-xf', 'module.tar', '--xattrs', '--xattrs-include=*', '--no-same-owner'],
        {
          cwd: directory,
        },
      );
    }
  });

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test('finds the digests of every layer that a composition record names', () => {
    for (const layer of made.blocks.composition.layers) {
      const directory = join(scratch, layer.layer_digest);
      const tar = readFileSync(join(directory, 'module.tar'));

      expect(`sha256:${sha256(tar)}`).toBe(layer.layer_digest);
      expect(tar.length).toBe(layer.layer_size);

      const stated = readFileSync(join(directory, 'composefs-digest'), 'utf8');
      expect(`sha256:${stated}`).toBe(`${layer.composefs_digest}\n`);
      expect(composefsDigest(join(directory, 'rootfs'))).toBe(stated.trim());
    }
  });

  test('merges the layers to the image that the record names', () => {
    const { layers, image, composition_digest } = made.blocks.composition;
    const merged = join(scratch, 'merged');

    mkdirSync(merged);
    for (const layer of layers) {
      if (layer.variety === 'instance') continue;

      const mask = layer.effective_mask.map((path) => `--exclude=rootfs${path}`);
      const tar = join(scratch, layer.layer_digest, 'module.tar');

      execFileSync('tar', [
        '-xf',
        tar,
        '-C',
        merged,
        '--no-same-owner',
        '--anchored',
        '--no-wildcards',
        ...mask,
        'rootfs',
      ]);
    }

    const root = join(merged, 'rootfs');
    expect(`sha256:${composefsDigest(root)}`).toBe(composition_digest);

    const file = join(scratch, 'image');
    execFileSync(process.execPath, [main, 'composefs', 'image', root, file]);

    const bytes = readFileSync(file);
    expect({ sha256: sha256(bytes), length: bytes.length }).toEqual({
      sha256: image.sha256,
      length: image.length,
    });
    expect(image.key).toContain(composition_digest.slice('sha256:'.length));
  });

  test('reads single files by their offset in the tar, and renders those of the machine', () => {
    const { composition, 'desired-state': signed } = made.blocks;
    const { custom } = JSON.parse(JSON.stringify(signed)).targets['composition.erofs'];

    const rendered = composition.instance_files.map(({ module, layer_digest, entry }) => {
      const tar = made.tars.get(layer_digest) ?? Buffer.alloc(0);
      const start = entry.offset ?? 0;
      const bytes = tar.subarray(start, start + entry.size);

      expect(fsVerity(bytes)).toBe(entry.verity);
      if (entry.size <= 64) expect(bytes.toString('base64')).toBe(entry.content);
      const text = bytes
        .toString()
        .replace(/\$\{instance\.(\w+)\}/g, (_, key) => custom.metadata.instance[key]);
      const { path, mode, uid, gid, mtime } = entry;

      return { path, module, mode, uid, gid, mtime, content: Buffer.from(text).toString('base64') };
    });

    expect(custom.rendered_files).toEqual(rendered);
  });

  test('checks the signature of a desired state, and makes one that Gantry makes too', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const targets = Targets.fromJSON(JSON.parse(JSON.stringify(made.blocks['desired-state'])));
    const signer = async (bytes: Buffer) => sign('sha256', bytes, privateKey);
    const bytes = await signMetadata(new Metadata(targets), signer, tufKey(pem).keyID);
    const { signed, signatures } = JSON.parse(Buffer.from(bytes).toString('utf8'));
    const key = { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: pem } };

    expect(signatures).toEqual([
      { keyid: sha256(canonical(key)), sig: expect.stringMatching(/^[0-9a-f]+$/) },
    ]);

    const sig = Buffer.from(signatures[0].sig, 'hex');
    expect(verify('sha256', Buffer.from(canonical(signed)), createPublicKey(pem), sig)).toBe(true);

    const { length, hashes, custom } = signed.targets['composition.erofs'];
    const { image, composition_digest, layers } = made.blocks.composition;

    expect({ length, hashes }).toEqual({ length: image.length, hashes: { sha256: image.sha256 } });
    expect({ composition_digest: custom.composition_digest, layers: custom.layers }).toEqual({
      composition_digest,
      layers,
    });
  });
});
