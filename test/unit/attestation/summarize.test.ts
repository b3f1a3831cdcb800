import { describe, expect, it } from 'vitest';
import {
  kindOfMediaType,
  readPackages,
  summarizeDocument,
  summarizePredicate,
  withoutParameters,
} from '../../../shared/attestation/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { attestationText } from '../../../shared/domain/signatures/index.ts';

const cyclonedx = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  metadata: { component: { type: 'operating-system', name: 'my-redis' } },
  components: [
    {
      type: 'library',
      name: 'redis-server',
      version: '5:7.0.15-1~deb12u1',
      purl: 'pkg:deb/debian/redis-server@5%3A7.0.15-1~deb12u1?arch=amd64',
      licenses: [{ license: { id: 'BSD-3-Clause' } }],
      components: [
        {
          type: 'library',
          name: 'libjemalloc2',
          version: '5.3.0-1',
          licenses: [{ license: { name: 'BSD-2-clause' } }, { license: { id: 'MIT' } }],
        },
      ],
    },
    {
      type: 'library',
      name: 'liblua5.1-0',
      version: '5.1.5-9',
      licenses: [{ expression: 'BSD-3-Clause' }],
    },
    { type: 'file', name: '/usr/bin/redis-server' },
    { type: 'operating-system', name: 'debian', version: '12' },
    'not a component',
  ],
};

const spdx = {
  spdxVersion: 'SPDX-2.3',
  packages: [
    {
      name: 'nginx',
      versionInfo: '1.22.1-9',
      licenseConcluded: 'NOASSERTION',
      licenseDeclared: 'BSD-2-Clause',
      externalRefs: [
        { referenceType: 'cpe23Type', referenceLocator: 'cpe:2.3:a:nginx' },
        { referenceType: 'purl', referenceLocator: 'pkg:deb/debian/nginx@1.22.1-9' },
      ],
    },
    { name: 'rootfs', primaryPackagePurpose: 'OPERATING-SYSTEM' },
    { name: 'zlib1g', versionInfo: '1:1.2.13', licenseConcluded: 'Zlib', licenseDeclared: 'NONE' },
    { versionInfo: 'without a name' },
  ],
};

describe('packages of an SBOM', () => {
  it('are those of CycloneDX, nested ones too, without files and systems', () => {
    expect(readPackages(cyclonedx)).toEqual({
      format: 'CycloneDX 1.6',
      packages: [
        {
          name: 'redis-server',
          version: '5:7.0.15-1~deb12u1',
          purl: 'pkg:deb/debian/redis-server@5%3A7.0.15-1~deb12u1?arch=amd64',
          license: 'BSD-3-Clause',
        },
        { name: 'libjemalloc2', version: '5.3.0-1', purl: null, license: 'BSD-2-clause AND MIT' },
        { name: 'liblua5.1-0', version: '5.1.5-9', purl: null, license: 'BSD-3-Clause' },
      ],
    });
  });

  it('are those of SPDX, by the concluded licence, else the declared one', () => {
    expect(readPackages(spdx)).toEqual({
      format: 'SPDX-2.3',
      packages: [
        {
          name: 'nginx',
          version: '1.22.1-9',
          purl: 'pkg:deb/debian/nginx@1.22.1-9',
          license: 'BSD-2-Clause',
        },
        { name: 'zlib1g', version: '1:1.2.13', purl: null, license: 'Zlib' },
      ],
    });
  });

  it.each([[null], ['text'], [{}], [{ bomFormat: 'Other' }], [{ spdxVersion: 'SPDX-3.0' }]])(
    'are not known of %j',
    (document) => {
      expect(readPackages(document)).toBeNull();
    },
  );

  it('are found in any depth of components', () => {
    let component: unknown = { name: 'deepest' };
    for (let depth = 0; depth < 50_000; depth++)
      component = { name: `c${depth}`, type: 'file', components: [component] };

    const found = readPackages({ bomFormat: 'CycloneDX', components: [component] });
    expect(found?.packages.map(({ name }) => name)).toEqual(['deepest']);
  });
});

describe('the summary of an SBOM', () => {
  it('counts packages and licences, the most frequent first', () => {
    expect(summarizePredicate('https://cyclonedx.org/bom', cyclonedx)).toEqual({
      kind: 'sbom',
      format: 'CycloneDX 1.6',
      sbom: {
        packages: 3,
        licenses: [
          { license: 'BSD-3-Clause', packages: 2 },
          { license: 'BSD-2-clause AND MIT', packages: 1 },
        ],
        more_licenses: 0,
      },
    });
    expect(summarizePredicate('https://spdx.dev/Document/v2.3', spdx)).toMatchObject({
      kind: 'sbom',
      format: 'SPDX-2.3',
      sbom: { packages: 2 },
    });
  });

  it('names few licences and cuts long ones', () => {
    const components = Array.from({ length: 40 }, (_, n) => ({
      name: `p${n}`,
      licenses: [{ license: { name: `${n}${'x'.repeat(500)}` } }],
    }));
    const { sbom } = summarizeDocument('sbom', { bomFormat: 'CycloneDX', components });

    expect(sbom?.licenses).toHaveLength(limits.summarizedLicensesMax);
    expect(sbom?.more_licenses).toBe(40 - limits.summarizedLicensesMax);
    expect(sbom?.licenses[0]?.license).toHaveLength(limits.summarizedLicenseLengthMax);
  });

  it('has no packages of a document that is not understood', () => {
    const bare = { kind: 'sbom', format: null };
    const long = { spdxVersion: `SPDX-2.${'0'.repeat(100_000)}` };
    expect(summarizeDocument('sbom', long)).toEqual(bare);
    expect(summarizePredicate('https://cyclonedx.org/bom', {})).toEqual(bare);
    expect(summarizePredicate('https://spdx.dev/Document', 'SPDXVersion: SPDX-2.3')).toEqual(bare);
    expect(summarizePredicate('https://acme.test/tested/v1', { ok: true })).toEqual({
      kind: 'other',
      format: null,
    });
  });
});

describe('the summary of SLSA provenance', () => {
  const v1 = 'https://slsa.dev/provenance/v1';
  const commit = 'c2709cc5ad5c2e8ae2c8a3c0b1c4ef5f1b7d2a90';
  const runDetails = { builder: { id: 'https://github.com/actions/runner/github-hosted' } };

  it.each([
    [
      'GitHub’s builds',
      {
        buildDefinition: {
          buildType: 'https://actions.github.io/buildtypes/workflow/v1',
          externalParameters: {
            workflow: { ref: 'refs/heads/main', repository: 'https://github.com/acme/redis' },
          },
          resolvedDependencies: [
            { uri: 'git+https://github.com/acme/other', digest: { gitCommit: 'd'.repeat(40) } },
            {
              uri: 'git+https://github.com/acme/redis@refs/heads/main',
              digest: { gitCommit: commit },
            },
          ],
        },
        runDetails,
      },
      'https://github.com/acme/redis',
      commit,
    ],
    [
      'Gantry’s own builds',
      {
        buildDefinition: {
          externalParameters: { source: 'git+https://git@git.test/acme/redis.git' },
          resolvedDependencies: [
            {
              name: 'source',
              uri: 'git+https://git@git.test/acme/redis.git',
              digest: { gitCommit: commit },
            },
          ],
        },
        runDetails,
      },
      'https://git@git.test/acme/redis.git',
      commit,
    ],
    [
      'builds that only list what they used',
      {
        buildDefinition: {
          resolvedDependencies: [
            null,
            { uri: 'pkg:deb/debian/redis@7', digest: { sha256: 'ab' } },
            { uri: 'git+ssh://git@git.test/acme/redis@main', digest: { sha1: commit } },
          ],
        },
        runDetails,
      },
      'ssh://git@git.test/acme/redis',
      commit,
    ],
    ['builds that name no source', { runDetails }, null, null],
    [
      'a source whose commit nobody names',
      {
        buildDefinition: {
          externalParameters: { source: { uri: 'git+https://git.test/acme/redis' } },
          resolvedDependencies: [
            { uri: 'git+https://git.test/acme/other', digest: { gitCommit: commit } },
          ],
        },
        runDetails,
      },
      'https://git.test/acme/redis',
      null,
    ],
  ])('names source and commit of %s', (_, predicate, source_repository, source_commit) => {
    expect(summarizePredicate(v1, predicate)).toEqual({
      kind: 'provenance',
      format: 'SLSA v1',
      provenance: { source_repository, source_commit },
    });
  });

  it('reads v0.2 too', () => {
    const uri = 'git+https://github.com/acme/redis@refs/tags/v1.0.0';
    const predicate = {
      builder: { id: 'https://github.com/slsa-framework/generator@v1' },
      invocation: { configSource: { uri, digest: { sha1: commit }, entryPoint: 'build.yml' } },
      materials: [{ uri, digest: { sha1: commit } }],
    };
    expect(summarizePredicate('https://slsa.dev/provenance/v0.2', predicate)).toEqual({
      kind: 'provenance',
      format: 'SLSA v0.2',
      provenance: { source_repository: 'https://github.com/acme/redis', source_commit: commit },
    });
  });

  it('names no source that is too long to keep whole', () => {
    const source = `git+https://git.test/${'x'.repeat(limits.verdictTextMax)}`;
    const predicate = { runDetails, buildDefinition: { externalParameters: { source } } };
    expect(summarizePredicate(v1, predicate).provenance?.source_repository).toBeNull();
  });
});

describe('the summary of a VEX', () => {
  it('counts statements by status', () => {
    const openvex = {
      '@context': 'https://openvex.dev/ns/v0.2.0',
      statements: [
        { vulnerability: { name: 'CVE-2023-1' }, status: 'not_affected' },
        { vulnerability: { name: 'CVE-2023-2' }, status: 'not_affected' },
        { vulnerability: { name: 'CVE-2023-3' }, status: 'fixed' },
        { vulnerability: { name: 'CVE-2023-4' }, status: 'maybe' },
        null,
      ],
    };
    expect(summarizePredicate('https://openvex.dev/ns', openvex)).toEqual({
      kind: 'vex',
      format: 'OpenVEX',
      vex: { not_affected: 2, fixed: 1 },
    });
  });

  it('is distinguished from an SBOM in the format of CycloneDX', () => {
    const vulnerabilities = [
      { id: 'CVE-2023-1', analysis: { state: 'exploitable' } },
      { id: 'CVE-2023-2', analysis: { state: 'false_positive' } },
      { id: 'CVE-2023-3' },
    ];
    const vex = { affected: 1, not_affected: 1, under_investigation: 1 };

    expect(
      summarizePredicate('https://cyclonedx.org/bom', {
        bomFormat: 'CycloneDX',
        specVersion: '1.5',
        vulnerabilities,
      }),
    ).toEqual({ kind: 'vex', format: 'CycloneDX 1.5', vex });
    expect(
      summarizePredicate('https://cyclonedx.org/bom', { ...cyclonedx, vulnerabilities }),
    ).toMatchObject({ kind: 'sbom', sbom: { packages: 3 }, vex });
  });

  it('is a VEX without vulnerabilities, and an SBOM with packages', () => {
    const type = 'https://cyclonedx.org/bom';
    const none = { bomFormat: 'CycloneDX', specVersion: '1.7', vulnerabilities: [] };
    expect(summarizePredicate(type, none)).toEqual({
      kind: 'vex',
      format: 'CycloneDX 1.7',
      vex: {},
    });
    const sbom = summarizePredicate(type, { ...cyclonedx, vulnerabilities: [] });
    expect(sbom).toMatchObject({ kind: 'sbom', sbom: { packages: 3 } });
    expect(sbom.vex).toBeUndefined();
  });

  it('counts the matches of a scanner as what nobody has judged', () => {
    const scan = { matches: [{}, {}], descriptor: { name: 'grype', version: '0.80.0' } };
    expect(summarizeDocument('vex', scan)).toEqual({
      kind: 'vex',
      format: 'grype scan',
      vex: { under_investigation: 2 },
    });
  });
});

it.each([
  ['application/vnd.cyclonedx+json', 'sbom'],
  ['application/vnd.cyclonedx+json; version=1.6', 'sbom'],
  ['application/vnd.cyclonedx.vex+json', 'vex'],
  ['application/spdx+json', 'sbom'],
  ['text/spdx', 'sbom'],
  ['application/vnd.openvex+json', 'vex'],
  ['application/vnd.powernode.module.packages', 'other'],
  ['application/vnd.powernode.module.v1+tar', null],
  ['application/vnd.cyclonedx.evil+tar', null],
  ['application/octet-stream', null],
])('a layer of type %s is of kind %s', (mediaType, kind) => {
  expect(kindOfMediaType(mediaType)).toBe(kind);
});

it('a media type is kept without its parameters, which no header may take', () => {
  const found = ['application/spdx+json ;\n\u{1f600}; b', 'text/spdx'].map(withoutParameters);
  expect(found).toEqual(['application/spdx+json', 'text/spdx']);
});

it('an attestation of a type that is not known is shown without control characters', () => {
  const type = 'https://acme.test/\u001b[2J\u202e';
  expect(attestationText({ predicate_type: type, builder_id: 'ci\nroot' })).toBe(
    'attestation of type https://acme.test/\ufffd[2J\ufffd built by ci\ufffdroot',
  );
});
