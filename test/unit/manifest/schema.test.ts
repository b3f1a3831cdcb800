import { expect, test } from 'vitest';
import { moduleManifestJsonSchema } from '../../../shared/manifest/index.ts';

test('the JSON Schema asks for a name and one of the two lists, and allows no unknown key', () => {
  expect(moduleManifestJsonSchema()).toMatchObject({
    required: ['name'],
    additionalProperties: false,
    anyOf: [{ required: ['package_spec'] }, { required: ['file_spec'] }],
  });
});
