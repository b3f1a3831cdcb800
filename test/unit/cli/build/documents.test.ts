import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { buildDocuments, readVex } from '../../../../cli/build/documents.ts';

const digest = `sha256:${'a'.repeat(64)}`;

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'gantry-documents-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const documents = async (place: string, env: NodeJS.ProcessEnv = {}) => {
  const { sbom, provenance } = await buildDocuments({
    directory: place,
    name: 'redis',
    manifestJson: '{}',
    layerDigest: digest,
    platform: undefined,
    packages: undefined,
    seconds: 1_700_000_000,
    env,
  });
  return { sbom: JSON.parse(sbom), provenance: JSON.parse(provenance) };
};

describe('the documents of a module without packages', () => {
  test('an SBOM without components, at the time of the source', async () => {
    const { sbom } = await documents(directory());
    expect(sbom).toMatchObject({
      specVersion: '1.6',
      metadata: { timestamp: '2023-11-14T22:13:20.000Z', component: { name: 'redis' } },
    });
    expect(sbom.components ?? []).toEqual([]);
    expect(sbom.serialNumber).toBeUndefined();
  });

  test('a provenance that names the commit of git, and never a token of its remote', async () => {
    const place = directory();
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
        cwd: place,
        encoding: 'utf8',
      }).trim();
    git('init', '-q');
    git('commit', '-q', '--allow-empty', '-m', 'first');
    git('remote', 'add', 'origin', 'https://user:a@secret@example.com/acme/redis.git');

    const { provenance } = await documents(place);
    expect(JSON.stringify(provenance)).not.toContain('secret');
    expect(provenance.predicate.buildDefinition.resolvedDependencies).toEqual([
      {
        name: 'source',
        uri: 'git+https://example.com/acme/redis.git',
        digest: { gitCommit: git('rev-parse', 'HEAD') },
      },
    ]);
    expect(provenance.predicate.runDetails.builder.id).toBe('urn:gantry:builder:local');
  });

  test('a CI run is the builder, by its workflow', async () => {
    const { provenance } = await documents(directory(), {
      GITHUB_SERVER_URL: 'https://git.example.com',
      GITHUB_REPOSITORY: 'acme/redis',
      GITHUB_WORKFLOW_REF: 'acme/redis/.gitea/workflows/build.yaml@refs/tags/v1',
      GITHUB_SHA: 'c'.repeat(40),
      GITHUB_RUN_ID: '7',
    });
    expect(provenance.predicate.runDetails).toMatchObject({
      builder: {
        id: 'https://git.example.com/acme/redis/.gitea/workflows/build.yaml@refs/tags/v1',
      },
      metadata: { invocationId: 'https://git.example.com/acme/redis/actions/runs/7/attempts/1' },
    });
    expect(provenance.predicate.buildDefinition.externalParameters.source).toBe(
      'git+https://git.example.com/acme/redis',
    );
  });
});

describe('a VEX document', () => {
  let place: string;
  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'gantry-vex-'));
    return () => rmSync(place, { recursive: true, force: true });
  });

  test.each([
    '{"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}',
    '{"bomFormat": "CycloneDX", "vulnerabilities": []}',
  ])('is taken as it is: %s', async (text) => {
    const path = join(place, 'vex.json');
    writeFileSync(path, text);
    expect(await readVex(path, '')).toBe(text);
  });

  test.each(['{}', '[]', 'null', 'not JSON'])('is refused: %s', async (text) => {
    const path = join(place, 'vex.json');
    writeFileSync(path, text);
    await expect(readVex(path, '')).rejects.toMatchObject({ code: 'usage', field: 'vex' });
  });

  /** A program in place of grype, whose database no test can download. */
  const grype = (script: string) => {
    writeFileSync(join(place, 'grype'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${place}:${process.env.PATH}`);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
  };

  test('of grype has its vulnerabilities and not the packages', async () => {
    grype(
      `[ "$*" = "sbom:/b/sbom.json --output cyclonedx-json" ] && echo '{"bomFormat":"CycloneDX","components":[{}],"vulnerabilities":[{"id":"CVE-1"}]}'`,
    );
    expect(JSON.parse(await readVex('grype', '/b/sbom.json'))).toEqual({
      bomFormat: 'CycloneDX',
      vulnerabilities: [{ id: 'CVE-1' }],
    });
  });

  test('of grype is refused with its last line', async () => {
    grype('echo "ERROR database does not exist" >&2; exit 1');
    await expect(readVex('grype', '/b/sbom.json')).rejects.toMatchObject({
      code: 'build_failed',
      message: 'grype failed: ERROR database does not exist',
    });
  });

  test('is refused by name when the file is missing', async () => {
    await expect(readVex(join(place, 'none.json'), '')).rejects.toMatchObject({ code: 'io_error' });
  });
});
