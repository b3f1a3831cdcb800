import type { ManifestContent } from '../../shared/registry/index.ts';
import { attestStatement, signStatement } from '../../shared/signature/index.ts';
import type { Target } from '../input/registry-target.ts';
import { type Attached, attach, makeBundle, readArtifact } from './artifact.ts';
import { type BuildDocument, readBuildDocuments } from './build-documents.ts';
import type { PayloadSigner } from './signer.ts';

/** What to sign besides the artifact. */
export interface SignOptions {
  annotations: Record<string, string>;
  /** Path of the build whose documents are attested; null for none. */
  build: string | null;
  /** Also sign what an index lists. */
  recursive: boolean;
}

export interface Signed {
  /** The signature of the artifact itself. */
  signature: Attached;
  /** Those of what an index lists. */
  listed: Attached[];
  attestations: Attached[];
}

/**
 * Attests the documents of a build and signs the artifact. The artifact's own signature comes last:
 * until it is there, an artifact waits, so nobody judges it before its attestations are complete.
 * @throws GantryError see `attach`, `makeBundle`, `readBuildDocuments`
 */
export async function signAndAttest(
  target: Target,
  signer: PayloadSigner,
  { annotations, build, recursive }: SignOptions,
): Promise<Signed> {
  const artifact = await readArtifact(target, recursive || build !== null);
  const documents = build === null ? [] : await readBuildDocuments(build, artifact);
  const attestations: Attached[] = [];
  for (const document of documents)
    attestations.push(...(await attestDocument(target, signer, document)));

  const sign = async (subject: ManifestContent) =>
    attach(target, subject, await makeBundle(signStatement(subject.digest, annotations), signer));
  const [main, ...others] = artifact;
  const listed: Attached[] = [];
  for (const subject of recursive ? others : []) listed.push(await sign(subject));

  return { attestations, listed, signature: await sign(main) };
}

/**
 * Attests a document about all of its subjects.
 * @throws GantryError see `attach`, `makeBundle`
 */
export async function attestDocument(
  target: Target,
  signer: PayloadSigner,
  { subjects, predicateType, predicate }: BuildDocument,
): Promise<Attached[]> {
  const { host, repository } = target.reference;
  // The name of a subject in the statements of `cosign attest`.
  const name = `${host}/${repository}`;
  const statement = attestStatement({
    subjects: subjects.map(({ digest }) => ({ name, digest })),
    predicateType,
    predicate,
  });

  const made = await makeBundle(statement, signer);
  const attached: Attached[] = [];
  for (const subject of subjects) attached.push(await attach(target, subject, made));
  return attached;
}
