import { z } from 'zod';
import { GantryError } from '../shared/base/error.ts';
import { limits } from '../shared/base/limits/index.ts';
import type { DesiredLayer, DesiredState } from '../shared/contract/reconcile/index.ts';
import type { FoundSignature, SignaturePolicy } from '../shared/domain/signatures/index.ts';
import { verifyArtifact } from '../shared/signature/index.ts';
import { type LocalPolicy, localPoliciesFor } from './policy.ts';
import type { ArtifactSource } from './source.ts';
import { type Store, sha256Digest } from './store.ts';

const descriptor = z.looseObject({ digest: z.string(), size: z.number() });
// A document that is both an index and a manifest means different things to different readers (OCI image spec 1.1).
const manifestDocument = z.looseObject({
  layers: z.array(descriptor).length(1),
  manifests: z.undefined().optional(),
});
const indexDocument = z.looseObject({
  manifests: z.array(descriptor),
  layers: z.undefined().optional(),
});

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
const evidence = z.object({
  digest: z.string(),
  candidates: z.array(foundSignature).max(limits.foundSignaturesMax),
});

export interface ChainContext {
  state: DesiredState;
  localPolicy: LocalPolicy | undefined;
  store: Store;
  source: ArtifactSource;
}

/**
 * Establishes that the authors signed this layer: signatures → `digest` (index or manifest) → `manifest_digest` → the one
 * layer's digest and size. Fails with `signature_refused` or `layer_mismatch`.
 */
export async function checkChain(layer: DesiredLayer, context: ChainContext): Promise<void> {
  await checkDescriptors(layer, context);
  const policies = policiesFor(layer, context);
  const kept = await context.store.readEvidence(layer.digest);
  if (kept !== undefined && (await refusalOf(layer, kept, policies)) === undefined) return;
  // What is kept may be old: a policy or a key may have changed with a new signature beside it.
  const fetched = await context.source.read(`evidence:${layer.digest}`, limits.evidenceBytesMax);
  const refusal = await refusalOf(layer, fetched, policies);
  if (refusal !== undefined) throw refusal;
  await context.store.writeEvidence(layer.digest, fetched);
}

async function checkDescriptors(layer: DesiredLayer, context: ChainContext): Promise<void> {
  const manifestBytes = await readDocument(layer.manifest_digest, context);
  if (layer.digest !== layer.manifest_digest) {
    const index = parse(
      indexDocument,
      await readDocument(layer.digest, context),
      layer.digest,
      'an index',
    );
    const listed = index.manifests.some(
      (d) => d.digest === layer.manifest_digest && d.size === manifestBytes.length,
    );
    if (!listed) {
      throw mismatch(
        layer,
        `the signed index ${layer.digest} does not list the manifest ${layer.manifest_digest}`,
      );
    }
  }
  const manifest = parse(
    manifestDocument,
    manifestBytes,
    layer.manifest_digest,
    'a manifest with one layer',
  );
  const [found] = manifest.layers;
  if (found?.digest !== layer.layer_digest || found.size !== layer.layer_size) {
    throw mismatch(
      layer,
      `its manifest names ${found?.digest} (${found?.size} bytes), the desired state ${layer.layer_digest} (${layer.layer_size} bytes)`,
    );
  }
}

async function readDocument(digest: string, { store, source }: ChainContext): Promise<Buffer> {
  const kept = await store.readDocument(digest);
  if (kept !== undefined) return kept;
  const bytes = await source.read(digest, limits.manifestBytesMax);
  const found = sha256Digest(bytes);
  if (found !== digest) {
    throw new GantryError('layer_mismatch', `Asked for ${digest}, received bytes with ${found}.`, {
      expected: digest,
      found,
    });
  }
  await store.writeDocument(digest, bytes);
  return bytes;
}

function parse<S extends z.ZodType>(
  schema: S,
  bytes: Buffer,
  digest: string,
  what: string,
): z.infer<S> {
  try {
    return schema.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new GantryError(
      'layer_mismatch',
      `Expected ${digest} to be ${what}, found another document.`,
      { cause },
    );
  }
}

/** The signed policy for the layer's module, and every local one: each must be satisfied. */
function policiesFor(layer: DesiredLayer, { state, localPolicy }: ChainContext): SignaturePolicy[] {
  const name = `${layer.account}/${layer.module}`;
  const signed = state.signature_policies.filter((policy) => policy.module === name);
  if (signed.length !== 1) {
    throw refused(
      layer,
      `the desired state has ${signed.length} signature policies for it, expected one`,
    );
  }
  const judged = signed.map((policy) => ({
    ...policy,
    trusted_root: policy.trusted_root ?? state.public_trusted_root ?? null,
  }));
  if (localPolicy === undefined) return judged;
  const local = localPoliciesFor(localPolicy, name);
  if (local.length === 0) throw refused(layer, "this machine's local policy does not name it");
  // What the machine asks for by itself rests on nothing that the platform says: its public root is the agent's own copy.
  return [...judged, ...local];
}

async function refusalOf(
  layer: DesiredLayer,
  bytes: Buffer,
  policies: SignaturePolicy[],
): Promise<GantryError | undefined> {
  let found: FoundSignature[];
  try {
    const parsed = evidence.parse(JSON.parse(bytes.toString()));
    if (parsed.digest !== layer.digest)
      return refused(layer, `its evidence is for ${parsed.digest}, expected ${layer.digest}`);
    found = parsed.candidates as FoundSignature[];
  } catch {
    return refused(layer, 'its evidence is not a list of signatures');
  }
  for (const policy of policies) {
    const verdict = await verifyArtifact(layer.digest, found, policy);
    if (!verdict.verified) return refused(layer, `${verdict.code}: ${verdict.message}`, verdict);
  }
  return undefined;
}

function refused(layer: DesiredLayer, why: string, details?: unknown): GantryError {
  const message = `${layer.account}/${layer.module} ${layer.version} is not run here: ${why}.`;
  return new GantryError('signature_refused', message, {
    field: `${layer.account}/${layer.module}`,
    details,
  });
}

function mismatch(layer: DesiredLayer, why: string): GantryError {
  return new GantryError(
    'layer_mismatch',
    `${layer.account}/${layer.module} ${layer.version} is not what was signed: ${why}.`,
    {
      field: `${layer.account}/${layer.module}`,
    },
  );
}
