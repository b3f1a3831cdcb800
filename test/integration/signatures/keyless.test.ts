import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { offSchedule, walk } from '../../support/flow.ts';
import { runGantry } from '../../support/gantry.ts';
import { type Flow, flowTest as it } from '../../support/set-up.ts';
import {
  makeToken,
  type SigstoreServer,
  startSigstoreServer,
} from '../../support/sigstore-server.ts';
import { authorKey } from '../../support/world.ts';

let sigstore: SigstoreServer;
beforeAll(async () => {
  sigstore = await startSigstoreServer();
});
afterAll(() => sigstore?.stop());

const workflow = 'https://git.test/acme/redis/.workflows/release.yml@refs/tags/v1.0.0';
const builder = 'https://git.test/acme/builder';

/** Registers a module that only the workflow may sign, with provenance by its builder. */
async function register({ world, services }: Flow, name: string): Promise<void> {
  await world.register(name, authorKey(), {
    trusted_keys: [],
    cosign_identities: [
      {
        cosign_identity_regexp: '^https://git\\.test/acme/redis/\\.workflows/release\\.yml@.*$',
        cosign_issuer_regexp: '^https://issuer\\.test$',
        cosign_claims: { build_trigger: '^push$' },
      },
    ],
    trusted_root: sigstore.trustedRoot,
    require_tlog: true,
    required_attestations: [
      { predicate_type: 'https://slsa.dev/provenance', builder_regexp: `^${builder}$` },
      { predicate_type: 'https://cyclonedx.org/bom' },
    ],
  });
  await offSchedule(services, world.account, name);
}

/** Builds the module with the documents that attestations are made of. */
async function build({ world }: Flow, name: string, content: string): Promise<string> {
  const tar = await world.build({ name, files: { 'etc/content': content } });
  const dist = dirname(tar);
  await writeFile(join(dist, 'sbom.cdx.json'), JSON.stringify({ bomFormat: 'CycloneDX' }));
  const provenance = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: { runDetails: { builder: { id: builder } } },
  };
  await writeFile(join(dist, 'provenance.json'), JSON.stringify(provenance));
  return dist;
}

/** Runs the command as a job of the workflow. */
async function asJob({ world }: Flow, args: string[], subject = workflow) {
  const config = join(world.directory, 'signing_config.json');
  await writeFile(config, JSON.stringify(sigstore.signingConfig(2)));

  const env = { HOME: world.directory, SIGSTORE_ID_TOKEN: await makeToken({ subject }) };
  const line = ['module', ...args, '--signing-config', config, '--json'];
  const { code, stdout, stderr } = await runGantry(line, { env });
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

describe('a module that a workflow signs without a key', () => {
  it('is pushed, attested and signed in one step, and becomes a version', async ({
    flow,
    world,
    services,
  }) => {
    await register(flow, 'whole');
    const dist = await build(flow, 'whole', 'one');
    const ref = `${world.repository('whole')}:v1.0.0`;
    const { digest } = await asJob(flow, ['push', dist, ref, '--sign']);

    expect(await walk(services, world.account, 'whole', digest)).toMatchObject({
      state: 'ingested',
    });
    expect(await world.version('whole', digest)).toMatchObject({
      signatures: expect.arrayContaining([
        expect.objectContaining({ identity: workflow, verified: true }),
        expect.objectContaining({
          attestation: expect.objectContaining({
            predicate_type: 'https://slsa.dev/provenance/v1',
            builder_id: builder,
          }),
        }),
      ]),
    });
  });

  it('for several platforms is an index with a build for each', async ({
    flow,
    world,
    services,
  }) => {
    await register(flow, 'several');
    const dist = join(world.directory, 'several');
    await mkdir(dist);
    for (const platform of ['debian-12-amd64', 'debian-12-arm64']) {
      await cp(await build(flow, 'several', platform), join(dist, platform), { recursive: true });
    }

    const ref = `${world.repository('several')}:v1.0.0`;
    const { digest, platforms } = await asJob(flow, ['push', dist, ref, '--sign']);
    expect(platforms).toHaveLength(2);

    expect(await walk(services, world.account, 'several', digest)).toMatchObject({
      state: 'ingested',
    });
    const version = await world.version('several', digest);
    expect(version?.builds.map(({ platform }) => platform).sort()).toEqual([
      'debian-12-amd64',
      'debian-12-arm64',
    ]);
  });

  it('is rejected when another workflow signs it', async ({ flow, world, services }) => {
    await register(flow, 'other');
    const dist = await build(flow, 'other', 'one');
    const ref = `${world.repository('other')}:v1.0.0`;
    const another = 'https://git.test/evil/redis@refs/tags/v1.0.0';
    const { digest } = await asJob(flow, ['push', dist, ref, '--sign'], another);

    expect(await walk(services, world.account, 'other', digest)).toMatchObject({
      state: 'rejected',
      code: 'identity_mismatch',
    });
  });
});
