import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { inheritSpec } from '../../../../cli/build/parent.ts';
import { manifestOf } from '../../../support/manifests.ts';

const place = mkdtempSync(join(tmpdir(), 'gantry-parent-'));
let directory: string;
let number = 0;

beforeEach(() => {
  directory = join(place, `${++number}`, 'child');
  mkdirSync(directory, { recursive: true });
});

afterAll(() => rmSync(place, { recursive: true }));

function writeParent(path: string, yaml: string): void {
  mkdirSync(join(directory, path), { recursive: true });
  writeFileSync(join(directory, path, 'manifest.yaml'), `schema_version: 1\n${yaml}`);
}

const child = manifestOf('vector-web', { parent_module: 'powernode/vector' });
const inherit = (manifest = child, parent?: string) =>
  inheritSpec({ directory, parent }, { manifest, warnings: [] });

describe('a module without file_spec', () => {
  test('ships what the dependency_spec of its parent beside it selects', async () => {
    writeParent('../vector', 'name: vector\ndependency_spec: [/etc/vector/**]\n');
    const { manifest, warnings } = await inherit();
    expect(manifest).toEqual({ ...child, file_spec: ['/etc/vector/**'] });
    expect(warnings).toEqual([]);
  });

  test('inherits from the parent that the caller names, a repository or a manifest', async () => {
    writeParent('elsewhere', 'name: vector\ndependency_spec: [/etc/other]\n');
    for (const parent of ['elsewhere', 'elsewhere/manifest.yaml']) {
      const { manifest } = await inherit(child, join(directory, parent));
      expect(manifest.file_spec).toEqual(['/etc/other']);
    }
  });

  test('inherits nothing where the parent is not found, with a warning', async () => {
    const { manifest, warnings } = await inherit();
    expect(manifest).toEqual(child);
    expect(warnings).toEqual([
      expect.stringMatching(/parent module powernode\/vector, .*--parent/),
    ]);
  });

  test('inherits nothing without a parent', async () => {
    const alone = manifestOf('alone');
    expect(await inherit(alone)).toEqual({ manifest: alone, warnings: [] });
  });

  test.each([
    ['another module', 'name: other\n', 'parent_module_mismatch'],
    ['a broken manifest', 'name: [\n', 'ModuleManifestSchemaError'],
  ])('is refused where %s is in the place of the parent', async (_, yaml, code) => {
    writeParent('../vector', yaml);
    await expect(inherit()).rejects.toMatchObject({ code });
  });

  test('is refused where the named parent is not there', async () => {
    await expect(inherit(child, join(directory, 'nowhere'))).rejects.toMatchObject({
      code: 'io_error',
    });
  });
});

test('a module with a file_spec keeps its own', async () => {
  writeParent('../vector', 'name: vector\ndependency_spec: [/etc/vector/**]\n');
  const own = { ...child, file_spec: ['/etc/own'] };
  expect((await inherit(own)).manifest).toEqual(own);
});
