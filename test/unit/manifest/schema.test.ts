import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { moduleManifestJsonSchema } from '../../../shared/manifest/index.ts';

test('the committed JSON Schema is the one that the zod schema gives (node scripts/generate-schema.ts)', () => {
  const file = new URL('../../../shared/manifest/module-manifest.schema.json', import.meta.url);
  expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(moduleManifestJsonSchema(), null, 2)}\n`);
});

test('the JSON Schema asks for a name and one of the two lists, and allows no unknown key', () => {
  expect(moduleManifestJsonSchema()).toMatchObject({
    required: ['name'],
    additionalProperties: false,
    anyOf: [{ required: ['package_spec'] }, { required: ['file_spec'] }],
  });
});
