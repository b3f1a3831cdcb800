import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { signPredicateType } from '../../shared/domain/signatures/index.ts';
import {
  attachBundle,
  isIndex,
  type ManifestContent,
  parseIndex,
} from '../../shared/registry/index.ts';
import { describeBundle, type StatementPayload } from '../../shared/signature/index.ts';
import type { Target } from '../input/registry-target.ts';
import type { PayloadSigner } from './signer.ts';

/** A bundle that was attached to an artifact. */
export interface Attached {
  /** Digest of the manifest that it is attached to. */
  subject: string;
  predicate_type: string;
  /** Digest of the manifest that holds the bundle. */
  digest: string;
  identity: string | null;
  issuer: string | null;
  key_id: string | null;
  log_indexes: string[];
}

/**
 * Reads the artifact that a reference names, and with `recursive` everything that an index lists,
 * at any depth; the artifact itself comes first.
 */
export async function readArtifact(
  target: Target,
  recursive: boolean,
): Promise<[ManifestContent, ...ManifestContent[]]> {
  const { client, reference, name } = target;
  // Sign the digest of the bytes read here, never one that the registry only claims.
  const artifact = await client.getManifest(reference.repository, name);
  if (!recursive) return [artifact];

  const read = new Map([[artifact.digest, artifact]]);
  for (const { bytes } of read.values()) {
    for (const { digest, size } of isIndex(bytes) ? parseIndex(bytes).manifests : []) {
      if (read.has(digest)) continue;
      if (read.size >= limits.platformsMax * 2) throw tooMany(artifact.digest);
      read.set(digest, await client.getManifest(reference.repository, digest, { size }));
    }
  }

  return [artifact, ...[...read.values()].slice(1)];
}

function tooMany(digest: string): GantryError {
  return new GantryError(
    'artifact_invalid',
    `expected at most ${limits.platformsMax * 2} manifests in the index ${digest}; sign without --recursive`,
  );
}

/** A signed statement, to attach to its subjects. */
interface SignedStatement {
  bundle: unknown;
  predicateType: string;
}

/**
 * Signs a statement.
 * @throws GantryError `signature_too_large`, those of the signer
 */
export async function makeBundle(
  { payload, predicateType }: StatementPayload,
  signer: PayloadSigner,
): Promise<SignedStatement> {
  refuseLarge(payload.length, predicateType);
  const bundle = await signer.sign(payload);
  refuseLarge(Buffer.byteLength(JSON.stringify(bundle)), predicateType);
  return { bundle, predicateType };
}

/** Attaches a signed statement to one of its subjects. @throws GantryError `registry_*` */
export async function attach(
  { client, reference }: Target,
  subject: ManifestContent,
  { bundle, predicateType }: SignedStatement,
): Promise<Attached> {
  const { repository } = reference;
  const attachment = { repository, subject, bundle, predicateType, createdAt: new Date() };
  const { digest } = await attachBundle(client, attachment);
  return {
    subject: subject.digest,
    predicate_type: predicateType,
    digest,
    ...describeBundle(bundle),
  };
}

/** Gantry would not read it. */
function refuseLarge(found: number, predicateType: string): void {
  const most =
    predicateType === signPredicateType ? limits.signatureBytesMax : limits.attestationBytesMax;
  if (found <= most) return;

  throw new GantryError(
    'signature_too_large',
    `expected a signed statement of type ${predicateType} of at most ${most} bytes, found ${found}`,
    { expected: most, found },
  );
}
