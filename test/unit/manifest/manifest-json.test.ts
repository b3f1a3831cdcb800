import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatManifestJson,
  type ModuleManifest,
  parseManifest,
  parseManifestJson,
} from '../../../shared/manifest/index.ts';
import { errorsOf } from '../../support/manifest-problems.ts';

const slug = fc.stringMatching(/^[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,8}){0,2}$/);
const glob = fc.stringMatching(
  /^\/?(?:[a-zäö ]{1,5}|\*|\*\*|\?|\[a-c\]|\\\\)(?:\/[a-z"'#: ]{1,5}){0,3}\/?$/u,
);
const anyManifest: fc.Arbitrary<ModuleManifest> = fc.record(
  {
    schema_version: fc.constant(1 as const),
    name: slug,
    display_name: fc.stringMatching(/^[!-~ä]( ?[!-~ä]){0,9}$/),
    description: fc.string({ maxLength: 30 }),
    license: fc.constantFrom('MIT', 'Apache-2.0'),
    package_spec: fc.array(fc.constantFrom('nginx', 'g++', 'libc6:amd64=2.39-0ubuntu8'), {
      maxLength: 3,
    }),
    file_spec: fc.array(glob, { minLength: 1, maxLength: 4 }),
    mask: fc.array(glob, { maxLength: 3 }),
    protected_spec: fc.array(glob, { maxLength: 3 }),
    dependencies: fc.record({
      requires: fc.array(
        fc
          .tuple(slug, slug, fc.constantFrom('^1.0', '*', '>=1 <2'))
          .map(([a, m, c]) => `${a}/${m}@${c}`),
        { maxLength: 3 },
      ),
      provides: fc.array(slug, { maxLength: 3 }),
    }),
    parent_module: fc.oneof(
      slug,
      fc.tuple(slug, slug).map((parts) => parts.join('/')),
    ),
  },
  {
    requiredKeys: [
      'schema_version',
      'name',
      'package_spec',
      'file_spec',
      'mask',
      'protected_spec',
      'dependencies',
    ],
  },
);

describe('manifest.json', () => {
  test('what is formatted parses to the same manifest, as JSON and as YAML, and formats to the same bytes', () => {
    fc.assert(
      fc.property(anyManifest, (manifest) => {
        const json = formatManifestJson(manifest);
        expect(parseManifestJson(json)).toEqual(manifest);
        expect(parseManifest(json).manifest).toEqual(manifest);
        expect(formatManifestJson(parseManifestJson(json))).toBe(json);
      }),
      { numRuns: 200 },
    );
  });

  test('has the keys in the order of the schema, whatever order they were written in', () => {
    const [one, other] = [
      '{"name":"a","file_spec":["x"],"schema_version":1}',
      '{"schema_version":1,"file_spec":["x"],"name":"a"}',
    ];
    const json = formatManifestJson(parseManifestJson(one));

    expect(json).toBe(formatManifestJson(parseManifestJson(other)));
    expect(json).toMatch(
      /^\{\n {2}"schema_version": 1,\n {2}"name": "a",\n {2}"package_spec": \[\],\n[\s\S]*\}\n$/,
    );
  });

  test.each([
    ['name: a', /^1:1 {2}expected JSON, found a syntax error/],
    [
      '{"name": "a", "file_spec": ["x"], "mask": [],\n "mask": []}',
      /^2:2 mask expected the key mask once/,
    ],
    [
      '{"name": "a", "file_spec": {"include": ["x"]}}',
      /^1:28 file_spec expected a list, found a mapping/,
    ],
    ['{"name": "a", "file_spec": ["x"], "variety": "config"}', /^1:35 variety unknown key/],
    ['[]', /^1:1 {2}expected a mapping, found a list/],
    ['{"name": "a", "file_spec": ["x"], "__proto__": {"mask": ["x"]}}', /__proto__ unknown key/],
  ])('refuses %j', (text, problem) => {
    expect(errorsOf(text, parseManifestJson)).toContainEqual(expect.stringMatching(problem));
  });
});
