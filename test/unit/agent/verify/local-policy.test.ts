import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DesiredPolicy } from '../../../../shared/contract/reconcile/index.ts';
import type { FoundSignature } from '../../../../shared/domain/signatures/index.ts';
import { signArtifact } from '../../../../shared/signature/index.ts';
import { startPrivateSigstore } from '../../../support/private-sigstore.ts';
import { type Module, World } from '../world.ts';

type Policy = Partial<Omit<DesiredPolicy, 'module'>>;
/** A local policy has one field more. */
type LocalPolicy = Policy & { annotations?: Record<string, string> };

const git = {
  identity_regexp: '^https://git\\.test/acme/',
  issuer_regexp: '^https://issuer\\.test$',
};

let world: World;
let module: Module;
let keyed: Policy;
let keyless: Policy;
let otherRoot: unknown;
let version = 0;

function pem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

/**
 * A machine whose one module has a keyed signature with an annotation, and a keyless one of a
 * workflow on main.
 */
beforeAll(async () => {
  world = await World.start();
  await world.enroll();
  module = await world.module({ name: 'site', files: { '/srv/index.html': 'a page' } });

  const { digest } = module.layer;
  const sigstore = await startPrivateSigstore(new Date());

  otherRoot = (await startPrivateSigstore(new Date())).trustedRoot;
  const claims: [number, string][] = [[6, 'refs/heads/main']];

  const candidates: FoundSignature[] = [
    {
      format: 'bundle',
      source: 'referrers',
      claimed_digest: digest,
      bundle: signArtifact({
        digest,
        key: world.author.privateKey,
        annotations: { stage: 'test' },
      }),
    },
    await sigstore.signLegacy({ digest, claims }),
  ];

  world.objects.set(
    `stored-signatures:${digest}`,
    Buffer.from(JSON.stringify({ digest, candidates })),
  );
  keyed = { keys: [pem(world.author.publicKey)], require_tlog: false };
  keyless = { identities: [git], require_tlog: true, trusted_root: sigstore.trustedRoot };
});
afterAll(() => world.stop());

/**
 * What the machine makes of the module where the desired state has one policy and the machine
 * another.
 */
async function outcome(signed: Policy, local: LocalPolicy, publicRoot?: unknown): Promise<string> {
  version += 1;
  await world.publish({
    modules: [module],
    version,
    metadata: { version },
    change: (custom) => {
      custom.signature_policies = [
        {
          module: 'acme/site',
          identities: [],
          keys: [],
          require_tlog: true,
          trusted_root: null,
          ...signed,
        },
      ];
      if (publicRoot !== undefined) custom.public_trusted_root = publicRoot;
    },
  });

  const policyFile = join(world.dir, 'policy.json');
  await writeFile(policyFile, JSON.stringify({ modules: { 'acme/*': local } }));

  const { report } = await world.run({ policyFile });
  return report.code ?? report.status;
}

describe('a local policy can only tighten the signed one', () => {
  const stranger = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
  const onTag = { ...git, claims: { github_workflow_ref: '^refs/tags/' } };
  const onMain = { ...git, claims: { github_workflow_ref: '^refs/heads/main$' } };
  const slsa = { predicate_type: 'https://slsa.dev/provenance' };

  // Each row: what the module's signatures satisfy, and the same with one field that they do not.
  it.each<[string, () => Policy, Policy | (() => Policy)]>([
    ['keys', () => keyed, { keys: [stranger] }],
    ['require_tlog', () => keyed, { require_tlog: true }],
    ['attestations', () => keyed, { attestations: [slsa] }],
    [
      'identities: who',
      () => keyless,
      { identities: [{ ...git, identity_regexp: '^https://git\\.test/umbrella/' }] },
    ],
    [
      'identities: the issuer',
      () => keyless,
      { identities: [{ ...git, issuer_regexp: '^https://other\\.test$' }] },
    ],
    ['identities: claims', () => ({ ...keyless, identities: [onMain] }), { identities: [onTag] }],
    ['trusted_root', () => keyless, () => ({ trusted_root: otherRoot })],
    ['nobody at all', () => keyed, { keys: [] }],
  ])('by %s', async (_, satisfied, field) => {
    const lax = satisfied();
    const strict = { ...lax, ...(typeof field === 'function' ? field() : field) };

    expect(await outcome(lax, lax)).toBe('applied');
    expect(await outcome(lax, strict)).toBe('signature_refused');
    expect(await outcome(strict, lax)).toBe('signature_refused');
  });

  it('by annotations, which a signed policy does not have', async () => {
    expect(await outcome(keyed, { ...keyed, annotations: { stage: 'test' } })).toBe('applied');
    expect(await outcome(keyed, { ...keyed, annotations: { stage: 'production' } })).toBe(
      'signature_refused',
    );
  });

  it('also where both ask for different signatures of the same artifact', async () => {
    expect(await outcome(keyed, keyless)).toBe('applied');
    expect(await outcome(keyless, keyed)).toBe('applied');
  });

  it('by each pattern that names a module: a broad one does not lift a narrow one', async () => {
    const policyFile = join(world.dir, 'policy.json');
    const modules = { '*/*': keyed, 'acme/site': { ...keyed, keys: [stranger] } };

    await writeFile(policyFile, JSON.stringify({ modules }));
    await world.publish({ modules: [module], version: ++version, metadata: { version } });
    expect((await world.run({ policyFile })).report.code).toBe('signature_refused');
  });

  it('and the public trust root that the platform names serves the signed policy only', async () => {
    const { trusted_root: platforms, ...onPublic } = keyless;
    expect(await outcome(onPublic, keyed)).toBe('signature_refused');
    expect(await outcome(onPublic, keyed, platforms)).toBe('applied');
    expect(await outcome(keyed, onPublic, platforms)).toBe('signature_refused');
  });

  it('and has no field that could do anything else', async () => {
    for (const field of ['allow_unsigned', 'skip', 'expires', 'root']) {
      await expect(outcome(keyed, { ...keyed, [field]: true })).rejects.toMatchObject({
        code: 'invalid_request',
      });
    }
  });
});
