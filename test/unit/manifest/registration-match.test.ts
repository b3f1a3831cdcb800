import { describe, expect, test } from 'vitest';
import {
  buildMask,
  carveOuts,
  type ModuleManifest,
  matchRegistration,
  parseManifestJson,
  type RegistrationFacts,
} from '../../../shared/manifest/index.ts';

const manifest = (fields: Record<string, unknown>): ModuleManifest =>
  parseManifestJson(
    JSON.stringify({ name: 'chrony-no-pool', file_spec: ['/etc/chrony/chrony.conf'], ...fields }),
  );

const row: RegistrationFacts = {
  name: 'chrony-no-pool',
  parent_module: 'acme/chrony',
  variety: 'config',
};

/** The carve-out of the authoring guide: the parent's protected file, in both lists. */
const carving = {
  parent_module: 'chrony',
  file_spec: ['/etc/chrony/chrony.conf', '/etc/default/chrony'],
  mask: ['*.bak', '/etc/chrony/chrony.conf', '/etc/default/*'],
};

describe('carveOuts and buildMask', () => {
  test('an entry that occurs verbatim in both lists is a carve-out and ships', () => {
    expect(carveOuts(manifest(carving))).toEqual(['/etc/chrony/chrony.conf']);
    expect(buildMask(manifest(carving))).toEqual(['*.bak', '/etc/default/*']);
  });

  test('without a parent_module the mask excludes the entry', () => {
    const { parent_module: _, ...orphan } = carving;
    expect(carveOuts(manifest(orphan))).toEqual([]);
    expect(buildMask(manifest(orphan))).toEqual(carving.mask);
  });
});

describe('checkAgainstRow', () => {
  test.each([undefined, 'chrony', 'acme/chrony'])(
    'a manifest whose parent is %s fits a row whose parent is acme/chrony',
    (parent) => {
      expect(
        matchRegistration(manifest(parent === undefined ? {} : { parent_module: parent }), row),
      ).toEqual([]);
    },
  );

  test('says each way in which a manifest does not fit', () => {
    const found = manifest({
      ...carving,
      name: 'other',
      parent_module: 'evil/chrony',
      package_spec: ['chrony'],
    });
    expect(matchRegistration(found, row)).toEqual([
      {
        code: 'name_mismatch',
        path: 'name',
        message: 'expected the registered name "chrony-no-pool", found "other"',
      },
      {
        code: 'parent_module_mismatch',
        path: 'parent_module',
        message: 'expected "acme/chrony" as the module is registered, found "evil/chrony"',
      },
      {
        code: 'ModuleManifestSchemaError',
        path: 'package_spec',
        message: 'expected files only in a module of variety config, found the package "chrony"',
      },
    ]);
  });

  test('a parent where none is registered is a mismatch', () => {
    const problems = matchRegistration(manifest({ parent_module: 'chrony' }), {
      ...row,
      parent_module: null,
    });
    expect(problems).toEqual([expect.objectContaining({ code: 'parent_module_mismatch' })]);
  });

  test('a carve-out is refused in a module that is not of variety config', () => {
    const problems = matchRegistration(manifest(carving), { ...row, variety: 'subscription' });
    expect(problems).toEqual([
      expect.objectContaining({ code: 'carve_out_refused', path: 'mask' }),
    ]);
  });
});
