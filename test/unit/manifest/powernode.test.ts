import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseManifest } from '../../../shared/manifest/index.ts';
import { powernodeManifests, powernodeManifestsOfMay } from '../../support/powernode-manifests.ts';

test('all nineteen forms of Powernode’s modules are here', () => {
  expect(powernodeManifestsOfMay).toBe(19);
});

test.each([...powernodeManifests.keys()])(
  '%s is valid without a warning, and kept whole',
  (name) => {
    const form = powernodeManifests.get(name) as Record<string, unknown>;
    const { manifest, warnings } = parseManifest(stringify(form));

    expect(warnings).toEqual([]);
    expect(manifest).toMatchObject(form);
  },
);
