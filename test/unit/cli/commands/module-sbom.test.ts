import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGantry } from '../../../support/gantry.ts';
import { type HttpServer, sendJson, startHttpServer } from '../../../support/http-server.ts';

const document = JSON.stringify({
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  components: [
    { type: 'library', name: 'redis', version: '7.0', licenses: [{ license: { id: 'MIT' } }] },
  ],
});
const id = 'ver_0123456789abcdef01234567';
let server: HttpServer;
let directory: string;
/** What the store of documents returns. */
let stored = document;
/** What was verified. */
let verified = document;
let found = true;

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

const attestation = (url: string, digest: string) => ({
  source: 'referrers',
  predicate_type: 'https://cyclonedx.org/bom',
  media_type: 'application/vnd.cyclonedx+json',
  platform: null,
  identity: 'https://git.test/acme/redis',
  issuer: 'https://issuer.test',
  key_id: null,
  builder_id: null,
  kind: 'sbom',
  format: 'CycloneDX 1.6',
  sbom: { packages: 1, licenses: [{ license: 'MIT', packages: 1 }], more_licenses: 0 },
  digest,
  size: document.length,
  url,
});

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-sbom-'));
  server = await startHttpServer(({ url = '' }, response) => {
    if (url === '/store') return response.end(stored);
    const listed = found ? [attestation(`http://${server.host}/store`, digestOf(verified))] : [];
    sendJson(response, { attestations: listed });
  });
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

const sbom = (...flags: string[]) =>
  runGantry(['module', 'sbom', id, ...flags], {
    env: { GANTRY_URL: `http://${server.host}`, GANTRY_TOKEN: 'x' },
  });

describe('gantry module sbom', () => {
  it('shows the packages and who attested them', async () => {
    const { stdout } = await sbom();
    expect(stdout).toContain('SBOM CycloneDX 1.6: 1 package, MIT (1)');
    expect(stdout).toContain('https://git.test/acme/redis');
    expect(stdout).toMatch(/^redis +7\.0 +MIT$/m);
  });

  it('prints or writes the document as its author wrote it', async () => {
    expect((await sbom('--raw')).stdout).toBe(`${document}\n`);

    const file = join(directory, 'sbom.cdx.json');
    await sbom('--save', file);
    expect(await readFile(file, 'utf8')).toBe(document);
  });

  it('refuses other bytes than were verified', async () => {
    stored = document.replace('MIT', 'BSD');
    expect((await sbom()).stderr).toContain('blob_digest_mismatch');
    stored = document;
  });

  it.each([
    ['lists no packages', { bomFormat: 'CycloneDX', specVersion: '1.6', components: [] }],
    ['names no packages in a form that Gantry knows', { other: 'form' }],
  ])('says that a document %s', async (said, other) => {
    stored = verified = JSON.stringify(other);
    expect((await sbom()).stdout).toContain(`The SBOM ${said}.`);
    stored = verified = document;
  });

  it('says what to do where there is none', async () => {
    found = false;
    expect((await sbom()).stderr).toContain('found none; attest one (gantry module attest)');
    found = true;
  });
});
