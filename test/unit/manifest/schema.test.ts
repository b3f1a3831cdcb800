import { expect, test } from 'vitest';
import { moduleManifestJsonSchema } from '../../../shared/manifest/index.ts';

test('the JSON Schema asks for a name, and allows no unknown key', () => {
  const schema = moduleManifestJsonSchema();
  expect(schema).toMatchObject({ required: ['name'], additionalProperties: false });
  expect(schema).not.toHaveProperty('anyOf');
});
