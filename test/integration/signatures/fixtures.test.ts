import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cosignCase,
  cosignCases,
  cosignFixtures,
  foundSignaturesOf,
  policyOf,
} from '../../../scripts/cosign-fixtures.ts';
import { GantryError } from '../../../shared/base/error.ts';
import {
  collectSignatures,
  parseManifest,
  RegistryClient,
} from '../../../shared/registry/index.ts';
import { verifyArtifact } from '../../../shared/signature/index.ts';
import {
  type DockerRegistry,
  loadLayout,
  startDockerRegistry,
} from '../../support/docker-registry.ts';

/** Codes that refuse the cases of the fixtures; their README gives the reasons in words. */
const refusals: Record<string, string> = {
  'keyless-wrong-identity': 'identity_mismatch',
  'keyless-identity-prefix': 'identity_mismatch',
  'keyless-wrong-issuer': 'issuer_mismatch',
  'keyless-other-root': 'certificate_untrusted',
  'keyless-no-sct': 'sct_missing',
  'keyed-bundle-notlog-tlog-required': 'tlog_missing',
  'keyed-wrong-key': 'key_mismatch',
  'keyed-legacy-wrong-key': 'key_mismatch',
  unsigned: 'unsigned',
  'signature-for-another-digest': 'digest_mismatch',
  'attestation-only': 'attestation_only',
  'mut-signature-bit': 'signature_invalid',
  'mut-no-tlog': 'tlog_missing',
  'legacy-mut-payload': 'signature_invalid',
};

let registry: DockerRegistry;
let client: RegistryClient;

beforeAll(async () => {
  registry = await startDockerRegistry();
  client = new RegistryClient({ host: registry.host });
  for (const entry of cosignCases)
    await loadLayout(registry, entry.repository, join(cosignFixtures, entry.layout));
});

afterAll(() => registry?.stop());

describe('artifacts signed by the real cosign, in a real registry', () => {
  test.each(cosignCases)('$name: $expected, pull $pull', async (entry) => {
    const manifest = await client.getManifest(entry.repository, entry.tag);
    expect(manifest.digest).toBe(entry.digest);

    const candidates = await collectSignatures(client, entry.repository, manifest.digest);
    const verdict = verifyArtifact(manifest.digest, candidates, policyOf(entry));

    expect(verdict.verified).toBe(entry.expected === 'pass');
    expect(verdict.code).toBe(refusals[entry.name] ?? 'verified');
    expect(await pull(entry.repository, entry.digest)).toBe(entry.pull);
  });

  test('what is collected is what the layouts hold', async () => {
    for (const entry of cosignCases) {
      const collected = await collectSignatures(client, entry.repository, entry.digest);
      expect(byDigest(collected)).toEqual(byDigest(foundSignaturesOf(entry)));
    }
  });

  test('the children of a recursively signed index verify on their own', async () => {
    const entry = cosignCase('multiarch-recursive');
    for (const child of entry.children ?? []) {
      const candidates = await collectSignatures(client, entry.repository, child);
      expect(verifyArtifact(child, candidates, policyOf(entry)).code).toBe('verified');
    }
  });

  test('a moved tag is noticed, and both digests verify', async () => {
    const entry = cosignCase('tag-moved');
    const head = await client.headManifest(entry.repository, entry.tag);
    expect(head.claimedDigest).toBe(entry.digest);
    expect(head.claimedDigest).not.toBe(entry.digest_before);
    const before = entry.digest_before ?? '';
    const candidates = await collectSignatures(client, entry.repository, before);
    expect(verifyArtifact(before, candidates, policyOf(entry)).code).toBe('verified');
  });
});

async function pull(repository: string, reference: string): Promise<string> {
  const { bytes, mediaType } = await client.getManifest(repository, reference);
  if (mediaType.includes('index')) return 'ok';
  try {
    for (const layer of parseManifest(bytes).layers) {
      for await (const chunk of client.getBlob(repository, layer)) void chunk;
    }
    return 'ok';
  } catch (error) {
    if (error instanceof GantryError && error.code === 'blob_digest_mismatch')
      return 'layer-digest-mismatch';
    throw error;
  }
}

function byDigest<T extends { claimed_digest: string }>(candidates: T[]): T[] {
  return [...candidates].sort((a, b) => (a.claimed_digest < b.claimed_digest ? -1 : 1));
}
