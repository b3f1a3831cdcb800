import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeylessSigner } from '../../../../cli/sign/signer.ts';
import type { DesiredPolicy } from '../../../../shared/contract/reconcile/index.ts';
import {
  attestStatement,
  chooseServices,
  predicateTypes,
  signStatement,
} from '../../../../shared/signature/index.ts';
import {
  makeToken,
  type SigstoreServer,
  startSigstoreServer,
} from '../../../support/sigstore-server.ts';
import { type Module, World } from '../world.ts';

const workflow = {
  identity_regexp: '^https://git\\.test/acme/redis@refs/tags/.*$',
  issuer_regexp: '^https://issuer\\.test$',
};
const builder_regexp = '^https://git\\.test/builder$';

let sigstore: SigstoreServer;
let world: World;
let module: Module;
let version = 0;

/** A machine whose module a workflow signed without a key, with its provenance. */
beforeAll(async () => {
  sigstore = await startSigstoreServer();
  world = await World.start();
  await world.enroll();
  module = await world.module({ name: 'site', files: { '/srv/index.html': 'a page' } });

  const services = chooseServices(sigstore.signingConfig(2), new Date());
  const identity = { prepare: async () => {}, getToken: () => makeToken({}) };
  const { sign } = await createKeylessSigner(services.fulcio ?? '', identity, services);

  const { digest } = module.layer;
  const provenance = attestStatement({
    subjects: [{ name: 'r.test/site', digest }],
    predicateType: predicateTypes.slsaprovenance1,
    predicate: { runDetails: { builder: { id: 'https://git.test/builder' } } },
  });
  const bundles = [await sign(signStatement(digest).payload), await sign(provenance.payload)];

  const candidates = bundles.map((bundle) => ({
    format: 'bundle',
    source: 'referrers',
    claimed_digest: digest,
    bundle,
  }));
  world.objects.set(
    `stored-signatures:${digest}`,
    Buffer.from(JSON.stringify({ digest, candidates })),
  );
});
afterAll(async () => {
  await world.stop();
  await sigstore.stop();
});

/** What the machine makes of the module under a policy of its desired state. */
async function outcome(policy: Partial<DesiredPolicy>): Promise<string> {
  version += 1;
  await world.publish({
    modules: [module],
    version,
    metadata: { version },
    change: (custom) => {
      custom.signature_policies = [
        {
          module: 'acme/site',
          identities: [workflow],
          keys: [],
          require_tlog: true,
          trusted_root: sigstore.trustedRoot,
          ...policy,
        },
      ];
    },
  });

  const { report } = await world.run();
  return report.code ?? report.status;
}

describe('a module that a workflow signed without a key', () => {
  it('runs where the policy trusts the workflow and its builder', async () => {
    expect(await outcome({})).toBe('applied');
    const attestations = [{ predicate_type: 'https://slsa.dev/provenance', builder_regexp }];
    expect(await outcome({ attestations })).toBe('applied');
  });

  it.each<[string, Partial<DesiredPolicy>]>([
    ['another workflow', { identities: [{ ...workflow, identity_regexp: '^https://evil/.*$' }] }],
    ['another Sigstore', { trusted_root: null }],
    ['an SBOM', { attestations: [{ predicate_type: predicateTypes.cyclonedx }] }],
    [
      'another builder',
      {
        attestations: [
          { predicate_type: 'https://slsa.dev/provenance', builder_regexp: '^https://evil$' },
        ],
      },
    ],
  ])('does not run where the policy asks for %s', async (_, policy) => {
    expect(await outcome(policy)).toBe('signature_refused');
  });
});
