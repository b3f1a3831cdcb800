import { expect, it } from 'vitest';
import { readSbom } from '../../../shared/actions/modules/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { createVersion } from '../../../shared/store/modules/index.ts';
import { storedVersion } from '../../support/stored.ts';
import { tableThat } from '../../support/stub-table.ts';
import { idleServices } from '../functions/api/services.ts';

/** Reads an SBOM of this text from a version that has it in a layer. */
function read(text: string) {
  const layer = {
    platform: 'any',
    kind: 'sbom',
    format: 'CycloneDX 1.6',
    media_type: 'application/vnd.cyclonedx+json',
    digest: `sha256:${'a'.repeat(64)}`,
    size: text.length,
  } as const;
  const version = storedVersion('acme', 'redis', '1.0.0', { side_layers: [layer] });
  const { db } = tableThat(() => ({ Item: createVersion(version).item.Put?.Item }));

  const services = { ...idleServices(), db };
  services.objects.s3.middlewareStack.add(
    () => async () => {
      const Body = { transformToByteArray: async () => Buffer.from(text) };
      return { response: {}, output: { $metadata: {}, Body } };
    },
    { step: 'initialize', priority: 'high' },
  );
  return readSbom(services, 'acme', { id: version.id, platform: null });
}

it('an SBOM is returned as it is', async () => {
  expect(await read('{"bomFormat":"CycloneDX","n":1e20}')).toEqual({
    bomFormat: 'CycloneDX',
    n: 1e20,
  });
});

it.each([
  ['of numbers that grow when they are written', '1e20', 800_000],
  ['of quotes that the response escapes', '""', 1_300_000],
])('an SBOM %s names its URL instead of a response that is too large', async (_, value, count) => {
  const text = `{"of":[${Array(count).fill(value).join()}]}`;
  expect(text.length).toBeLessThan(limits.sbomResponseBytesMax);
  await expect(read(text)).rejects.toMatchObject({
    code: 'document_too_large',
    message: expect.stringContaining('read it by its url of /versions/'),
  });
});
