import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { manifestReference } from '../../../../scripts/reference/manifest.ts';
import { actors } from '../../../../scripts/reference/manifest-actors.ts';
import { listKeys, type Property } from '../../../../scripts/reference/manifest-types.ts';
import { moduleManifestJsonSchema, parseManifest } from '../../../../shared/manifest/index.ts';
import { moduleManifestSchema } from '../../../../shared/manifest/schema.ts';

const page = manifestReference();
const [, whole = '', ...examples] = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(
  ([, yaml]) => yaml as string,
);

describe('docs/reference/modules/manifest.md', () => {
  test('its whole manifest is valid without a warning', () => {
    expect(parseManifest(whole).warnings).toEqual([]);
  });

  test.each(examples)('its example is valid in a manifest: %s', (yaml) => {
    const manifest = { schema_version: 1, name: 'x', file_spec: ['/etc/x'], ...parse(yaml) };
    expect(parseManifest(stringify(manifest)).warnings).toEqual([]);
  });

  test('it has a section and an example for every key of the schema', () => {
    const shown = examples.map((yaml) => Object.keys(parse(yaml))[0]);
    expect([...new Set(shown)]).toEqual(Object.keys(moduleManifestSchema.shape));
  });

  test('it says of every field what acts on it, and of no other', () => {
    const rows = [...page.matchAll(/^\| \[`([^`]+)`\]\(#\w+\) \|.*\| (.+) \|$/gm)];
    expect(Object.fromEntries(rows.map(([, field, actor]) => [field, actor]))).toEqual(actors);
  });

  test('its whole manifest has an example of every key inside a field', () => {
    const { properties = {} } = moduleManifestJsonSchema() as Property;
    const missing = Object.entries(properties).flatMap(([field, property]) => {
      const shown = keysIn((parse(whole) as Record<string, unknown>)[field]);
      return listKeys(property).flatMap(({ name }) =>
        shown.has(name) ? [] : [`${field}: ${name}`],
      );
    });
    expect(missing).toEqual([]);
  });
});

/** The keys of a value, as `listKeys` names them. */
function keysIn(value: unknown, prefix = ''): Set<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((one) => [...keysIn(one, prefix)]));
  if (typeof value !== 'object' || value === null) return new Set();

  return new Set(
    Object.entries(value).flatMap(([key, inner]) => {
      const suffix = Array.isArray(inner) ? '[].' : '.';
      return [`${prefix}${key}`, ...keysIn(inner, `${prefix}${key}${suffix}`)];
    }),
  );
}
