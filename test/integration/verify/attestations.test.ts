import { describe, expect } from 'vitest';
import { listAttestations, readSbom } from '../../../shared/actions/modules/index.ts';
import { reverifyVersion } from '../../../shared/actions/reverify/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { attachBundle, mediaTypes } from '../../../shared/registry/index.ts';
import { attest } from '../../support/attestation.ts';
import {
  layerType,
  moduleTar,
  offSchedule,
  pushLayers,
  pushManifest,
  sha256,
  signDigest,
  walk,
} from '../../support/flow.ts';
import { type Flow, flowTest as it } from '../../support/set-up.ts';
import { directoryEntry } from '../../support/trees.ts';
import { authorKey } from '../../support/world.ts';

const key = authorKey();
const types = {
  sbom: 'https://cyclonedx.org/bom',
  provenance: 'https://slsa.dev/provenance/v1',
  vex: 'https://openvex.dev/ns',
} as const;

const sbom = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  components: [
    { type: 'library', name: 'redis', version: '7.0', licenses: [{ license: { id: 'MIT' } }] },
  ],
};
const provenance = {
  buildDefinition: {
    externalParameters: { source: 'git+https://git.test/acme/redis@refs/tags/v1' },
    resolvedDependencies: [
      { uri: 'git+https://git.test/acme/redis', digest: { gitCommit: 'c'.repeat(40) } },
    ],
  },
  runDetails: { builder: { id: 'https://git.test/acme/builder' } },
};
const vex = {
  '@context': 'https://openvex.dev/ns/v0.2.0',
  statements: [{ vulnerability: { name: 'CVE-2023-1' }, status: 'not_affected' }],
};

interface Attached {
  type: string;
  predicate: unknown;
  author?: ReturnType<typeof authorKey>;
  /** The digest that the statement is about, if not the artifact's. */
  about?: string;
  /** Changes the bundle after it is signed. */
  alter?: (bundle: ReturnType<typeof attest>) => unknown;
}

async function attach(
  { client, world }: Flow,
  name: string,
  digest: string,
  { type, predicate, author = key, about = digest, alter = (bundle) => bundle }: Attached,
): Promise<string> {
  const repository = `${world.account}/${name}`;
  const attached = await attachBundle(client, {
    repository,
    subject: await client.getManifest(repository, digest),
    bundle: alter(attest(about, author.private, type, predicate)),
    predicateType: type,
    createdAt: new Date(),
  });
  return attached.digest;
}

/** Pushes and signs a module, with more layers beside its tar. */
async function publish(
  { client, world, services }: Flow,
  name: string,
  more: { bytes: Buffer; mediaType: string }[] = [],
): Promise<string> {
  await world.register(name, key);
  await offSchedule(services, world.account, name);

  const manifest = JSON.stringify({ schema_version: 1, name, file_spec: ['/**'] });
  const tar = await moduleTar(manifest, [directoryEntry('/')]);
  const repository = `${world.account}/${name}`;
  const layers = [{ bytes: tar, mediaType: layerType }, ...more];
  const { digest } = await pushLayers(client, repository, 'v1.0.0', layers);
  await signDigest(client, repository, digest, key);
  return digest;
}

describe('attestations of a version', () => {
  it('are verified, summarised and stored, and none that is bad hides or counts', async ({
    flow,
    world,
    services,
  }) => {
    const digest = await publish(flow, 'attested');
    for (const [type, predicate] of [
      [types.sbom, sbom],
      [types.provenance, provenance],
      [types.vex, vex],
    ] as const)
      await attach(flow, 'attested', digest, { type, predicate });

    const bad: Record<string, string> = {};
    const attachBad = async (code: string, what: Omit<Attached, 'type' | 'predicate'>) => {
      const attached = { type: types.sbom, predicate: { ...sbom, code }, ...what };
      bad[await attach(flow, 'attested', digest, attached)] = code;
    };
    await attachBad('key_mismatch', { author: authorKey() });
    await attachBad('digest_mismatch', { about: `sha256:${'d'.repeat(64)}` });
    await attachBad('signature_invalid', {
      alter: (bundle) => ({
        ...bundle,
        dsseEnvelope: {
          ...attest(digest, key.private, types.sbom, { altered: true }).dsseEnvelope,
          signatures: bundle.dsseEnvelope.signatures,
        },
      }),
    });
    await attachBad('bundle_invalid', { alter: () => ({ not: 'a bundle' }) });
    await attachBad('signature_too_large', {
      alter: (bundle) => ({ ...bundle, pad: 'x'.repeat(limits.attestationBytesMax) }),
    });

    expect(await walk(services, world.account, 'attested', digest)).toMatchObject({
      state: 'ingested',
    });
    const version = await world.version('attested', digest);
    const reasons = (version?.signatures ?? []).flatMap(({ claimed_digest, code, message }) =>
      bad[claimed_digest] === undefined ? [] : [[bad[claimed_digest], `${message} (${code})`]],
    );
    expect(reasons).toHaveLength(5);
    for (const [expected, found] of reasons) expect(found).toContain(`(${expected})`);

    const listed = await listAttestations(services, world.account, version?.id ?? '');
    expect(listed.map(({ kind }) => kind).sort()).toEqual(['provenance', 'sbom', 'vex']);
    expect(listed).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          format: 'CycloneDX 1.6',
          sbom: { packages: 1, licenses: [{ license: 'MIT', packages: 1 }], more_licenses: 0 },
        }),
        expect.objectContaining({
          builder_id: 'https://git.test/acme/builder',
          provenance: {
            source_repository: 'https://git.test/acme/redis',
            source_commit: 'c'.repeat(40),
          },
        }),
        expect.objectContaining({ format: 'OpenVEX', vex: { not_affected: 1 } }),
      ]),
    );

    for (const { url, digest: stored } of listed) {
      const bytes = Buffer.from(await (await fetch(url ?? '')).arrayBuffer());
      expect(sha256(bytes)).toBe(stored);
    }
    const wanted = { id: version?.id ?? '', platform: null };
    expect(await readSbom(services, world.account, wanted)).toEqual(sbom);
  });

  it('that come after the ingest are found when the version is verified again', async ({
    flow,
    world,
    services,
  }) => {
    const digest = await publish(flow, 'late-sbom');
    await walk(services, world.account, 'late-sbom', digest);
    const version = await world.version('late-sbom', digest);
    const again = () =>
      reverifyVersion(services, {
        account: world.account,
        version_id: version?.id ?? '',
        look: true,
      });

    // A look that finds nothing changes nothing.
    expect(await again()).toBe('verified');
    expect(await world.version('late-sbom', digest)).toEqual(version);

    await attach(flow, 'late-sbom', digest, { type: types.sbom, predicate: sbom });
    expect(await again()).toBe('verified');
    const later = await world.version('late-sbom', digest);
    expect(later?.signatures).toHaveLength(2);
    expect(later?.stored_signatures_key).not.toBe(version?.stored_signatures_key);

    const wanted = { id: version?.id ?? '', platform: null };
    expect(await readSbom(services, world.account, wanted)).toEqual(sbom);

    expect(await again()).toBe('verified');
    expect((await world.version('late-sbom', digest))?.revision).toBe(later?.revision);
  });
});

describe('attestations of the builds of an index', () => {
  it('meet a requirement once each build has one', async ({ flow, world, services }) => {
    const { client } = flow;
    const name = 'two-builds';
    await world.register(name, key, { required_attestations: [{ predicate_type: types.sbom }] });
    await offSchedule(services, world.account, name);

    const repository = `${world.account}/${name}`;
    const json = JSON.stringify({ schema_version: 1, name, file_spec: ['/**'] });
    const push = async (architecture: string, mode: number) => {
      const bytes = await moduleTar(json, [directoryEntry('/', { mode })]);
      const pushed = await pushLayers(client, repository, null, [{ bytes }]);
      return { ...pushed, platform: { os: 'linux', architecture } };
    };
    const builds = [await push('amd64', 0o755), await push('arm64', 0o700)] as const;
    const { digest } = await pushManifest(client, repository, 'v1.0.0', mediaTypes.index, {
      manifests: builds,
    });
    await signDigest(client, repository, digest, key);

    const attachTo = (build: string) =>
      attach(flow, name, build, { type: types.sbom, predicate: { ...sbom, of: build } });
    await attachTo(builds[0].digest);
    expect(await walk(services, world.account, name, digest)).toMatchObject({
      code: 'attestation_missing',
    });

    await attachTo(builds[1].digest);
    expect(await walk(services, world.account, name, digest)).toMatchObject({ state: 'ingested' });
    const version = await world.version(name, digest);
    const listed = await listAttestations(services, world.account, version?.id ?? '');
    expect(listed.map(({ platform }) => platform).sort()).toEqual(['linux-amd64', 'linux-arm64']);
  });
});

describe('documents in layers beside the module', () => {
  const json = (document: unknown) => Buffer.from(JSON.stringify(document));

  it('are stored and summarised, and attested by nobody', async ({ flow, world, services }) => {
    const scan = { matches: [{}], descriptor: { name: 'grype' } };
    const digest = await publish(flow, 'side', [
      { bytes: json(sbom), mediaType: 'application/vnd.cyclonedx+json' },
      { bytes: json(scan), mediaType: 'application/vnd.cyclonedx.vex+json' },
      {
        bytes: Buffer.from('redis 7.0\n'),
        mediaType: 'application/vnd.powernode.module.packages',
      },
      { bytes: Buffer.from('{ broken'), mediaType: 'application/spdx+json' },
    ]);

    expect(await walk(services, world.account, 'side', digest)).toMatchObject({
      state: 'ingested',
    });
    const version = await world.version('side', digest);
    const listed = await listAttestations(services, world.account, version?.id ?? '');

    expect(listed.map(({ source, kind, format }) => [source, kind, format])).toEqual([
      ['layer', 'sbom', 'CycloneDX 1.6'],
      ['layer', 'vex', 'grype scan'],
      ['layer', 'other', null],
      ['layer', 'sbom', null],
    ]);
    const wanted = { id: version?.id ?? '', platform: null };
    expect(await readSbom(services, world.account, wanted)).toEqual(sbom);
  });

  it('meet no requirement', async ({ flow, world, services }) => {
    const layer = { bytes: json(sbom), mediaType: 'application/vnd.cyclonedx+json' };
    await world.register('side-only', key, {
      required_attestations: [{ predicate_type: types.sbom }],
    });
    await offSchedule(services, world.account, 'side-only');
    const tar = await moduleTar(
      JSON.stringify({ schema_version: 1, name: 'side-only', file_spec: ['/**'] }),
      [directoryEntry('/')],
    );
    const repository = `${world.account}/side-only`;
    const { digest } = await pushLayers(flow.client, repository, 'v1.0.0', [{ bytes: tar }, layer]);
    await signDigest(flow.client, repository, digest, key);

    expect(await walk(services, world.account, 'side-only', digest)).toMatchObject({
      code: 'attestation_missing',
    });
  });
});
