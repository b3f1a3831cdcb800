import { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { DesiredLayer, DesiredState } from '../../shared/contract/reconcile/index.ts';
import type { FoundSignature, SignaturePolicy } from '../../shared/domain/signatures/index.ts';
import { verifyArtifact } from '../../shared/signature/index.ts';
import type { Agent } from '../agent.ts';
import { checkDescriptors } from './artifact-documents.ts';
import { type LocalPolicy, localPoliciesFor } from './local-policy.ts';

const source = z.enum(['referrers', 'fallback_tag', 'legacy_tag']);
const foundSignature = z.discriminatedUnion('format', [
  z.looseObject({
    format: z.literal('bundle'),
    source,
    claimed_digest: z.string(),
    bundle: z.unknown(),
  }),
  z.looseObject({
    format: z.literal('legacy'),
    source,
    claimed_digest: z.string(),
    payload: z.string(),
    annotations: z.record(z.string(), z.string()),
  }),
]);
const storedSignatures = z.object({
  digest: z.string(),
  candidates: z.array(foundSignature).max(limits.foundSignaturesMax),
});

/**
 * Checks that its author signed a layer, by the policy in the desired state and by the local one:
 * signatures → `digest` → `manifest_digest` → the layer.
 *
 * @throws `signature_refused`, `layer_mismatch`, `unavailable`
 */
export async function checkAuthorSignatures(
  layer: DesiredLayer,
  state: DesiredState,
  agent: Agent,
): Promise<void> {
  await checkDescriptors(layer, agent);

  const { store, source } = agent;
  const policies = policiesFor(layer, state, agent.localPolicy);
  const stored = await store.readSignatures(layer.digest);
  if (stored !== undefined && (await findRefusal(layer, stored, policies)) === undefined) return;

  // The stored ones may be old: a policy or a key may have changed, and a new signature with it.
  const fetched = await source.read(
    `stored-signatures:${layer.digest}`,
    limits.storedSignaturesBytesMax,
  );
  const refusal = await findRefusal(layer, fetched, policies);
  if (refusal !== undefined) throw refusal;

  await store.writeSignatures(layer.digest, fetched);
}

/** The signed policy of the layer's module, and every local one: each must be satisfied. */
function policiesFor(
  layer: DesiredLayer,
  state: DesiredState,
  localPolicy: LocalPolicy | undefined,
): SignaturePolicy[] {
  const name = `${layer.account}/${layer.module}`;
  const signed = state.signature_policies.filter((policy) => policy.module === name);

  if (signed.length !== 1) {
    throw refusedError(
      layer,
      `expected one signature policy in the desired state, found ${signed.length} signature policies`,
    );
  }

  const policies = signed.map((policy) => ({
    ...policy,
    trusted_root: policy.trusted_root ?? state.public_trusted_root ?? null,
  }));
  if (localPolicy === undefined) return policies;

  const local = localPoliciesFor(localPolicy, name);
  if (local.length === 0) throw refusedError(layer, "this machine's local policy does not name it");

  // A local policy trusts nothing that the platform sends: its public trust root is the agent's own
  // copy.
  return [...policies, ...local];
}

/** Why the signatures do not satisfy the policies; undefined when they do. */
async function findRefusal(
  layer: DesiredLayer,
  bytes: Buffer,
  policies: SignaturePolicy[],
): Promise<GantryError | undefined> {
  let signatures: FoundSignature[];
  try {
    const parsed = storedSignatures.parse(JSON.parse(bytes.toString()));
    if (parsed.digest !== layer.digest) {
      return refusedError(
        layer,
        `expected signatures of ${layer.digest}, found those of ${parsed.digest}`,
      );
    }

    signatures = parsed.candidates as FoundSignature[];
  } catch {
    return refusedError(layer, 'expected a list of signatures, found something else');
  }

  const builds = layer.manifest_digest === layer.digest ? [] : [layer.manifest_digest];
  for (const policy of policies) {
    const verdict = verifyArtifact(layer.digest, signatures, policy, builds);
    if (!verdict.verified) {
      return refusedError(layer, `${verdict.code}: ${verdict.message}`, verdict);
    }
  }

  return undefined;
}

function refusedError(layer: DesiredLayer, why: string, details?: unknown): GantryError {
  const module = `${layer.account}/${layer.module}`;
  return new GantryError(
    'signature_refused',
    `${module} ${layer.version} does not run here: ${why}.`,
    { field: module, details },
  );
}
