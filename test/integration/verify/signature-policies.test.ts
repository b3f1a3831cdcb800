import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { cosignCase, cosignFixtures, trustedRoot } from '../../../scripts/cosign-fixtures.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import { attachBundle, mediaTypes } from '../../../shared/registry/index.ts';
import { attest } from '../../support/attestation.ts';
import { loadLayout } from '../../support/docker-registry.ts';
import { offSchedule, pollAlone, pushManifest, signDigest, walk } from '../../support/flow.ts';
import { type Flow, flowTest as it } from '../../support/set-up.ts';
import { type AuthorKey, authorKey, type World } from '../../support/world.ts';

const key = authorKey();
const slsa = 'https://slsa.dev/provenance';
const builder = 'https://git.test/acme/builder@refs/tags/v1';

const push = async (world: World, name: string, tag: string | null, content: string) =>
  world.push(await world.build({ name, files: { 'etc/content': content } }), name, tag ?? 'part');

const sign = ({ client, world }: Flow, name: string, digest: string) =>
  signDigest(client, `${world.account}/${name}`, digest, key);

/** Attaches provenance by a builder, signed by the author or by somebody else. */
async function prove(
  { client, world }: Flow,
  name: string,
  digest: string,
  by: string,
  author = key,
): Promise<void> {
  const repository = `${world.account}/${name}`;
  const bundle = attest(digest, author.private, `${slsa}/v1`, {
    runDetails: { builder: { id: by } },
  });

  await attachBundle(client, {
    repository,
    subject: await client.getManifest(repository, digest),
    bundle,
    createdAt: new Date(),
  });
}

describe('a registration that demands an attestation', () => {
  it.beforeAll(async ({ world, services }) => {
    const required_attestations = [
      { predicate_type: slsa, builder_regexp: '^https://git\\.test/acme/builder@.*$' },
    ];
    await world.register('proved', key, { required_attestations });
    await offSchedule(services, world.account, 'proved');
  });

  it('refuses what is only signed, until the attestation is beside it', async ({
    flow,
    world,
    services,
  }) => {
    const digest = await push(world, 'proved', 'v1.0.0', 'late');
    await sign(flow, 'proved', digest);

    const refused = await walk(services, world.account, 'proved', digest);
    expect(refused).toMatchObject({
      state: 'rejected',
      code: 'attestation_missing',
      stored_signatures_key: null,
    });

    expect(await world.version('proved', digest)).toBeNull();
    await prove(flow, 'proved', digest, builder);
    expect(await walk(services, world.account, 'proved', digest)).toMatchObject({
      state: 'ingested',
    });

    expect(await world.version('proved', digest)).toMatchObject({
      promotion_state: 'built',
      signatures: expect.arrayContaining([
        expect.objectContaining({
          attestation: expect.objectContaining({
            predicate_type: `${slsa}/v1`,
            builder_id: builder,
          }),
        }),
      ]),
    });
  });

  it.for<[string, string, AuthorKey]>([
    ['by another builder', 'https://evil.test/builder', key],
    ['signed by somebody else', builder, authorKey()],
  ])('is not satisfied with one %s', async ([what, by, author], { flow, world, services }) => {
    const digest = await push(world, 'proved', `v2.0.${what.length}`, what);
    await sign(flow, 'proved', digest);
    await prove(flow, 'proved', digest, by, author);

    const refused = await walk(services, world.account, 'proved', digest);
    expect(refused).toMatchObject({ state: 'rejected', code: 'attestation_missing' });
  });

  it('is not satisfied with an attestation that nobody signed for', async ({
    flow,
    world,
    services,
  }) => {
    const digest = await push(world, 'proved', 'v3.0.0', 'attested only');
    await prove(flow, 'proved', digest, builder);
    expect(await walk(services, world.account, 'proved', digest)).toMatchObject({
      state: 'awaiting_signature',
    });
  });
});

describe('a registration that demands claims of the workflow', () => {
  it.for<[string, string, string, string | null]>([
    ['what the certificate says', '^push$', 'verified', null],
    ['something else', '^workflow_dispatch$', 'rejected', 'claim_mismatch'],
  ])('%s: %s is %s', async ([_, trigger, state, code], { registry, world, services }) => {
    const name = `claims-${state}`;
    const { layout, digest, identity_regexp, issuer_regexp } = cosignCase('keyless-attested');

    await loadLayout(registry, `${world.account}/${name}`, join(cosignFixtures, layout));
    await world.register(name, key, {
      trusted_keys: [],
      cosign_identities: [
        {
          cosign_identity_regexp: identity_regexp ?? '',
          cosign_issuer_regexp: issuer_regexp ?? '',
          cosign_claims: { build_trigger: trigger },
        },
      ],
      trusted_root: trustedRoot as Record<string, unknown>,
      require_tlog: true,
    });

    await offSchedule(services, world.account, name);
    const { id } = await pollAlone(services, world.account, name, digest);

    await verifyCandidate(services, { account: world.account, module: name, version_id: id });
    expect(await world.candidate(name, digest)).toMatchObject({ state, code });
  });
});

describe('a signed index', () => {
  const entryOf = async (
    { client, world }: Flow,
    name: string,
    digest: string,
    architecture: string,
  ) => {
    const { bytes } = await client.getManifest(`${world.account}/${name}`, digest);
    const platform = { os: 'linux', architecture };
    return { mediaType: mediaTypes.manifest, digest, size: bytes.length, platform };
  };

  const pushIndex = async (flow: Flow, name: string, tag: string, children: string[]) => {
    const platforms = ['amd64', 'arm64'];
    const manifests = await Promise.all(
      children.map((child, i) => entryOf(flow, name, child, platforms[i] ?? '')),
    );

    return (
      await pushManifest(flow.client, `${flow.world.account}/${name}`, tag, mediaTypes.index, {
        manifests,
      })
    ).digest;
  };

  it('vouches for its children within it only, and not for an index with another child', async ({
    flow,
    client,
    world,
    services,
  }) => {
    await world.register('many', key);
    await offSchedule(services, world.account, 'many');

    // One after the other: docker-registry may miss their common blob while another pushes it.
    const amd = await push(world, 'many', 'p-amd', 'amd');
    const arm = await push(world, 'many', 'p-arm', 'arm');
    const other = await push(world, 'many', 'p-other', 'other');

    const index = await pushIndex(flow, 'many', 'v1.0.0', [amd, arm]);
    await sign(flow, 'many', index);
    expect(await walk(services, world.account, 'many', index)).toMatchObject({ state: 'ingested' });
    expect(
      (await world.version('many', index))?.builds.map(({ manifest_digest }) => manifest_digest),
    ).toEqual([amd, arm]);

    await client.putManifest(
      `${world.account}/many`,
      'v2.0.0',
      await client.getManifest(`${world.account}/many`, arm),
    );

    expect(await walk(services, world.account, 'many', arm)).toMatchObject({
      state: 'awaiting_signature',
    });

    const swapped = await pushIndex(flow, 'many', 'v3.0.0', [amd, other]);
    await signDigest(client, `${world.account}/many`, index, key, swapped);
    expect(await walk(services, world.account, 'many', swapped)).toMatchObject({
      code: 'digest_mismatch',
    });
  });
});
