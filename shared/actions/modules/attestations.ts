import type { z } from 'zod';
import { mediaTypeOf } from '../../attestation/index.ts';
import { GantryError, isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { valueNestsDeeper } from '../../base/nesting.ts';
import { parseStrictJson } from '../../base/strict-json.ts';
import type { attestationsAnswer } from '../../contract/modules/index.ts';
import {
  chooseSbom,
  type SideLayer,
  type Version,
  type VersionBuild,
} from '../../domain/modules/index.ts';
import type { SignatureVerdict } from '../../domain/signatures/index.ts';
import { getBytes, objectKeys, presignGet } from '../../store/objects.ts';
import type { Services } from '../context/index.ts';
import { requireVersion } from './require-module.ts';

type Listed = z.input<typeof attestationsAnswer>['attestations'][number];

/**
 * The documents about a version: those of verified attestations, then those in layers beside the
 * module, each with a URL that reads it.
 * @throws GantryError `not_found`
 */
export async function listAttestations(
  services: Services,
  account: string,
  id: string,
): Promise<Listed[]> {
  const documents = documentsOf(await requireVersion(services, account, id));
  return Promise.all(
    documents.map(async (one) => ({ ...one, url: await urlOf(services, account, one) })),
  );
}

/**
 * The SBOM of a version, as its author wrote it: an attested one, else one in a layer.
 * @param platform the build whose SBOM is wanted; null for any
 * @throws GantryError `not_found`, `document_too_large` for one that only its URL can read
 */
export async function readSbom(
  services: Services,
  account: string,
  { id, platform }: { id: string; platform: string | null },
): Promise<Record<string, unknown>> {
  const version = await requireVersion(services, account, id);
  const name = `${version.module} ${version.version_string}`;
  const sbom = chooseSbom(documentsOf(version), platform);
  if (sbom === null || sbom.digest === null || sbom.size === null) {
    throw new GantryError(
      'not_found',
      `expected an SBOM of ${name}, found none that Gantry stores; attest one (gantry module attest), then poll the module`,
      { field: 'id' },
    );
  }

  refuseLarge(id, sbom.size, limits.sbomResponseBytesMax);
  const document = await readDocument(services, objectKeys.document(account, sbom.digest), name);
  refuseLarge(id, bodyBytes(document), limits.functionBodyBytesMax);
  return document;
}

function refuseLarge(id: string, found: number, expected: number): void {
  if (found <= expected) return;
  throw new GantryError(
    'document_too_large',
    `expected an SBOM of at most ${expected} bytes in a response, found ${found}; read it by its url of /versions/${id}/attestations`,
    { expected, found },
  );
}

/**
 * Bytes of a document in the response of a function: numbers such as 1e20 are written out, and the
 * whole body is a JSON string, which escapes each quote.
 */
function bodyBytes(document: Record<string, unknown>): number {
  return Buffer.byteLength(JSON.stringify(JSON.stringify(document)));
}

async function readDocument(
  services: Services,
  key: string,
  name: string,
): Promise<Record<string, unknown>> {
  try {
    const document = parseStrictJson(await getBytes(services.objects, key));
    const readable = !valueNestsDeeper(document, limits.bundleDepthMax);
    if (readable && document instanceof Object) return document as Record<string, unknown>;
    throw new SyntaxError('expected an object that can be written again');
  } catch (cause) {
    if (!(cause instanceof SyntaxError) && !isGantryError(cause, 'not_found')) throw cause;
    throw new GantryError('not_found', `expected the SBOM of ${name} as JSON, found none`, {
      cause,
    });
  }
}

type Document = Omit<Listed, 'url'>;

/** The documents of verified attestations, then those in layers. */
export function documentsOf({ signatures, builds, side_layers = [] }: Version): Document[] {
  return [
    ...signatures.flatMap((verdict) => attestedDocument(verdict, builds)),
    ...side_layers.map(layerDocument),
  ];
}

function attestedDocument(verdict: SignatureVerdict, builds: readonly VersionBuild[]): Document[] {
  const { attestation, source, identity, issuer, key_id } = verdict;
  if (attestation === undefined) return [];

  const { document = null, kind = 'other', format = null, ...others } = attestation;
  const { subjects = [], builds_only: _, ...rest } = others;
  const about = builds.filter(({ manifest_digest }) => subjects.includes(manifest_digest));
  return [
    {
      source,
      identity,
      issuer,
      key_id,
      // About several builds, or the whole artifact.
      platform: about.length === 1 ? (about[0]?.platform ?? null) : null,
      ...rest,
      kind,
      format,
      media_type: mediaTypeOf({ format }),
      digest: document?.digest ?? null,
      size: document?.size ?? null,
    },
  ];
}

function layerDocument(layer: SideLayer): Document {
  const unsigned = { identity: null, issuer: null, key_id: null };
  return { source: 'layer', ...unsigned, predicate_type: null, builder_id: null, ...layer };
}

/** Null for a document that is not stored. */
function urlOf(
  { objects }: Services,
  account: string,
  { digest, size }: Document,
): Promise<string> | null {
  if (digest === null || size === null || size > limits.sideLayerBytesMax) return null;
  return presignGet(objects, objectKeys.document(account, digest), limits.presignedSeconds);
}
