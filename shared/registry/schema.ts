import { z } from 'zod';
import { GantryError, isGantryError } from '../base/error.ts';
import { parseStrictJson } from '../base/strict-json.ts';

/** Media types of the OCI image specification 1.1, of cosign's signatures, and of modules. */
export const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  imageConfig: 'application/vnd.oci.image.config.v1+json',
  dockerImageConfig: 'application/vnd.docker.container.image.v1+json',
  empty: 'application/vnd.oci.empty.v1+json',
  bundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  simpleSigning: 'application/vnd.dev.cosign.simplesigning.v1+json',
  /** An attestation of cosign 2. */
  envelope: 'application/vnd.dsse.envelope.v1+json',
  /** The layer that a module is, as in `oras push … module.tar:<type>`. */
  moduleLayer: 'application/vnd.powernode.module.v1+tar',
} as const;

/**
 * The two bytes `{}` of an empty config (OCI image spec 1.1, "Guidance for an Empty Descriptor").
 */
export const emptyBlob = {
  bytes: new TextEncoder().encode('{}'),
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  size: 2,
} as const;

export const annotations = z.record(z.string(), z.string());

// Loose, because cosign writes fields that the specification does not have, and unknown fields must
// be kept.
export const descriptor = z.looseObject({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256: and 64 hex digits'),
  size: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  artifactType: z.string().optional(),
  annotations: annotations.nullish(),
});

// If a document were both an index and a manifest, its media type would decide, which no signature
// covers (CVE-2021-41190).
export const neither = z
  .undefined('expected an image manifest or an index, found a document that is both')
  .optional();

const manifest = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: descriptor,
  layers: z.array(descriptor).default([]),
  subject: descriptor.nullish(),
  annotations: annotations.nullish(),
  manifests: neither,
});

/** The annotation of an index entry that names its platform. */
export const platformAnnotation = 'vnd.powernode.module.platform';

const noPlatform = {
  annotations: z.looseObject({ [platformAnnotation]: z.undefined().optional() }).nullish(),
};

/** An entry beside the builds: an attestation of BuildKit, or an artifact such as an SBOM. */
const besideBuilds = z.union([
  z.looseObject({ ...noPlatform, platform: z.looseObject({ os: z.literal('unknown') }) }),
  z.looseObject({
    ...noPlatform,
    platform: z.undefined().optional(),
    artifactType: z.string().min(1),
  }),
]);

/**
 * The entries of an index. One that cannot be read hides no build beside it. One that may be a
 * build itself makes the index unreadable, because a version would lack it.
 */
const indexEntries = z.array(z.unknown()).transform((list, context) =>
  list.flatMap((entry, at) => {
    const parsed = descriptor.safeParse(entry);
    if (parsed.success) return [parsed.data];
    if (besideBuilds.safeParse(entry).success) return [];

    for (const { path, message } of parsed.error.issues)
      context.addIssue({ code: 'custom', path: [at, ...path], message });
    return [];
  }),
);

const index = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  manifests: indexEntries,
  annotations: annotations.nullish(),
  config: neither,
  layers: neither,
});

/**
 * The fields that Gantry reads of an image's config (OCI image spec 1.1, "Image Configuration").
 */
const imageConfig = z.looseObject({
  config: z.looseObject({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
  rootfs: z.looseObject({ type: z.literal('layers'), diff_ids: z.array(z.string()) }),
});

/** One page of tags. `tags` is null when a repository has no tags left (distribution, Harbor). */
export const tagPage = z.looseObject({ tags: z.array(z.string()).nullish() });

/**
 * A response of a token service (distribution, "Token Authentication"). Either name may hold the
 * token, and the other one may be empty. Some services write the seconds as text
 * (distribution/distribution#1746). An unreadable lifetime is none.
 */
export const tokenResponse = z.looseObject({
  token: z.string().nullish(),
  access_token: z.string().nullish(),
  expires_in: z.coerce.number().finite().optional().catch(undefined),
});

export type Descriptor = z.output<typeof descriptor>;
export type Manifest = z.output<typeof manifest>;
export type Index = z.output<typeof index>;

/** @throws GantryError `registry_response_invalid` when the bytes are not an OCI image manifest. */
export function parseManifest(bytes: Uint8Array, what = 'the manifest'): Manifest {
  return parseJson(manifest, bytes, `${what} to be an OCI image manifest`);
}

/** @throws GantryError `registry_response_invalid` when the bytes are not an OCI index. */
export function parseIndex(bytes: Uint8Array, what = 'the index'): Index {
  return parseJson(index, bytes, `${what} to be an OCI index`);
}

/**
 * Reads from the bytes whether a document is an index: no signature covers the media type that a
 * registry sends.
 * @throws GantryError `registry_response_invalid` when the bytes are not a JSON object
 */
export function isIndex(bytes: Uint8Array): boolean {
  return 'manifests' in parseJson(z.looseObject({}), bytes, 'an OCI image manifest or index');
}

/**
 * @throws GantryError `registry_response_invalid` when the bytes are not the config of an OCI image
 */
export function parseImageConfig(bytes: Uint8Array): z.output<typeof imageConfig> {
  return parseJson(imageConfig, bytes, 'an OCI image config');
}

/**
 * Parses JSON from a registry, strictly: others read the same documents, with the same digest.
 * @throws GantryError `registry_response_invalid`
 */
export function parseJson<T extends z.ZodType>(
  schema: T,
  bytes: Uint8Array,
  expectation: string,
): z.output<T> {
  let value: unknown;
  try {
    value = parseStrictJson(bytes);
  } catch (cause) {
    throw new GantryError(
      'registry_response_invalid',
      `expected ${expectation}, found bytes that are not JSON: ${(cause as Error).message}`,
      { cause },
    );
  }

  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;

  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') || 'the document';

  throw new GantryError(
    'registry_response_invalid',
    `expected ${expectation}: at ${where}: ${issue?.message}`,
    {
      details: parsed.error.issues,
    },
  );
}

/**
 * Parses bytes that a signature covers, so a problem with them is an error of the artifact, not of
 * the registry.
 */
export function signed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isGantryError(error, 'registry_response_invalid')) throw error;
    throw new GantryError('artifact_invalid', error.message, { cause: error });
  }
}
