import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Metadata, Targets } from '@tufjs/models';
import { beforeAll, describe, expect, test } from 'vitest';
import { desiredState } from '../../../shared/contract/reconcile/index.ts';
import {
  makeRoot,
  rootSha256,
  signMetadata,
  tufKey,
  verifyDesiredState,
  verifyRoot,
} from '../../../shared/director/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import { parseManifestJson } from '../../../shared/manifest/index.ts';
import { artifactExamples } from '../../support/artifact-examples.ts';

const page = readFileSync(
  new URL('../../../docs/reference/modules/artifact.md', import.meta.url),
  'utf8',
);
const blocks = new Map(
  [...page.matchAll(/^```(?:json|text) (\S+)\n(.*?)^```$/gms)].map(([, name, text]) => [
    name as string,
    text as string,
  ]),
);
const block = (name: string) => blocks.get(name) ?? '';

describe('docs/reference/modules/artifact.md', () => {
  let made: Awaited<ReturnType<typeof artifactExamples>>['blocks'];
  beforeAll(async () => {
    made = (await artifactExamples()).blocks;
  });

  test('every example is what building, pushing, composing and signing the example modules gives', () => {
    for (const [name, value] of Object.entries(made)) {
      if (typeof value === 'string') expect([name, block(name)]).toEqual([name, value]);
      else expect([name, JSON.parse(block(name))]).toEqual([name, value]);
    }
    expect([...blocks.keys()]).toEqual(Object.keys(made));
  });

  test('its manifest.json is one', () => {
    expect(parseManifestJson(block('manifest.json')).name).toBe('chrony-no-pool');
  });

  test('its tables name every key of an entry, of a composition record and of a desired state', () => {
    const entryKeys: (keyof TreeEntry)[] = [
      'path',
      'type',
      'mode',
      'uid',
      'gid',
      'mtime',
      'mtime_ns',
      'size',
      'target',
    ];

    const further: (keyof TreeEntry)[] = ['rdev', 'xattrs', 'content', 'verity', 'offset'];
    const keys = [
      ...entryKeys,
      ...further,
      ...Object.keys(made.composition),
      ...Object.keys(desiredState.shape),
    ];

    const named = [...page.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = '']) => [
      ...cell.matchAll(/`([\w.]+)`/g),
    ]);
    const first = new Set(named.map(([, key = '']) => key.split('.')[0]));

    expect(keys.filter((key) => !first.has(key))).toEqual([]);
  });

  test('its desired state is taken by the verifier when the account signs it, and holds no other keys', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const { keyID } = tufKey(publicKeyPem);
    const signer = async (bytes: Buffer) => sign('sha256', bytes, privateKey);
    const expires = new Date('2024-01-01T00:00:00Z');

    const rootBytes = await signMetadata(
      makeRoot({ publicKeyPem, expires, version: 1 }),
      signer,
      keyID,
    );

    const signed = Targets.fromJSON(JSON.parse(block('desired-state')));
    const bytes = await signMetadata(new Metadata(signed), signer, keyID);
    const { custom } = JSON.parse(block('desired-state')).targets['composition.erofs'];

    const verified = verifyDesiredState(bytes, {
      root: verifyRoot(rootBytes, rootSha256(rootBytes)),
      account: custom.account,
      instance: custom.instance,
      lastVersion: 0,
      now: new Date('2023-11-15T00:00:00Z'),
    });

    expect(verified.state).toEqual(custom);
    expect(verified.image.sha256).toBe(made.composition.image.sha256);
  });
});
