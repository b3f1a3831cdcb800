import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  readBuildDocuments,
  readPredicate,
  requireBuildDocuments,
} from '../../../../cli/sign/build-documents.ts';
import type { ManifestContent } from '../../../../shared/registry/index.ts';

const slsa = 'https://slsa.dev/provenance/v1';
const bom = { bomFormat: 'CycloneDX' };

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-documents-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the documents of a build', () => {
  test('have the predicate type of their content, and statements lose their envelope', async () => {
    const dist = await write({
      'module.tar': 'tar',
      'sbom.cdx.json': bom,
      'provenance.json': statement({ runDetails: 1 }, hexOf('tar')),
      'vex.json': { '@context': 'https://openvex.dev/ns/v0.2.0' },
      'package-list.txt': 'a',
    });
    const artifact = manifestOf('tar');

    expect(await readBuildDocuments(dist, [artifact])).toEqual([
      { predicateType: 'https://cyclonedx.org/bom', predicate: bom, subjects: [artifact] },
      { predicateType: slsa, predicate: { runDetails: 1 }, subjects: [artifact] },
      {
        predicateType: 'https://openvex.dev/ns',
        predicate: { '@context': 'https://openvex.dev/ns/v0.2.0' },
        subjects: [artifact],
      },
    ]);
  });

  test('with VEX in CycloneDX are bills of materials', async () => {
    const dist = await write({ 'module.tar': 'tar', 'vex.json': bom });
    const [vex] = await readBuildDocuments(dist, [manifestOf('tar')]);
    expect(vex?.predicateType).toBe('https://cyclonedx.org/bom');
  });

  test('of several platforms are about their manifest and about the index', async () => {
    const dist = await write({
      'debian-12-amd64/module.tar': 'one',
      'debian-12-amd64/sbom.cdx.json': bom,
      'debian-12-arm64/module.tar': 'two',
      'debian-12-arm64/sbom.cdx.json': bom,
    });
    const [index, one, two] = [contentOf({ manifests: [] }), manifestOf('one'), manifestOf('two')];
    const found = await readBuildDocuments(dist, [index, one, two]);
    expect(found.map(({ subjects }) => subjects)).toEqual([
      [one, index],
      [two, index],
    ]);
  });

  test.each([
    ['a tar that the artifact does not hold', 'other', statement({}, hexOf('other'))],
    ['provenance of another tar', 'tar', statement({}, hexOf('other'))],
  ])('are refused with %s', async (_, tar, provenance) => {
    const dist = await write({ 'module.tar': tar, 'provenance.json': provenance });
    await expect(readBuildDocuments(dist, [manifestOf('tar')])).rejects.toMatchObject({
      code: 'build_mismatch',
    });
  });

  test('are refused where they are no JSON objects', async () => {
    const dist = await write({ 'module.tar': 'tar', 'sbom.cdx.json': [] });
    await expect(readBuildDocuments(dist, [manifestOf('tar')])).rejects.toMatchObject({
      code: 'io_error',
    });
  });

  test('are required where somebody asks to attest them', async () => {
    const bare = await write({ 'module.tar': 'tar' });
    expect(await readBuildDocuments(bare, [manifestOf('tar')])).toEqual([]);
    await expect(requireBuildDocuments(bare)).rejects.toMatchObject({ code: 'io_error' });
    await requireBuildDocuments(await write({ 'module.tar': 'tar', 'vex.json': bom }));
  });
});

describe('a predicate', () => {
  test('is the file, or the predicate of the statement in it', async () => {
    const dist = await write({ 'plain.json': bom, 'whole.json': statement({ a: 1 }) });
    expect(await readPredicate(join(dist, 'plain.json'), slsa)).toEqual(bom);
    expect(await readPredicate(join(dist, 'whole.json'), slsa)).toEqual({ a: 1 });
  });

  test('of a statement of another type is refused', async () => {
    const path = join(await write({ 'whole.json': statement({}) }), 'whole.json');
    await expect(readPredicate(path, 'https://spdx.dev/Document')).rejects.toMatchObject({
      code: 'predicate_type_mismatch',
      found: slsa,
    });
  });
});

async function write(files: Record<string, unknown>): Promise<string> {
  const base = await mkdtemp(join(directory, 'dist-'));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(base, path, '..'), { recursive: true });
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    await writeFile(join(base, path), text);
  }
  return base;
}

function hexOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function statement(predicate: object, sha256?: string) {
  const subject = sha256 === undefined ? [] : [{ name: 'module.tar', digest: { sha256 } }];
  return { _type: 'https://in-toto.io/Statement/v1', subject, predicateType: slsa, predicate };
}

function manifestOf(tar: string): ManifestContent {
  const layer = { mediaType: 'a/b', digest: `sha256:${hexOf(tar)}`, size: tar.length };
  return contentOf({ config: { ...layer, size: 2 }, layers: [layer] });
}

function contentOf(document: object): ManifestContent {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...document }));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { bytes, mediaType: 'x', digest, size: bytes.length };
}
