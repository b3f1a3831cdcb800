import { z } from 'zod';
import { digestSchema } from '../../base/ids.ts';
import { claimNames } from '../../domain/signatures/index.ts';

/**
 * The rules by which generated layers are made. Agents make the layer of a composition again, so an
 * agent refuses a format that it does not know. Raise it with each change of what a layer holds.
 */
export const generatedFormat = 1;

/** Desired states and records of older releases do not state the format, which is 1. */
export const generatedFormatSchema = z.int().min(1).exactOptional();

/** The format that a desired state has, whether or not this release can read all of it. */
export function readGeneratedFormat(custom: unknown): number {
  const { data } = z.object({ generated_format: generatedFormatSchema }).safeParse(custom);
  return data?.generated_format ?? 1;
}

/**
 * What a machine should run: the `custom` field of the one target of its TUF targets metadata
 * (product.md, section 9). Signed by the account's director key; agents act on nothing else that
 * Gantry sends.
 */
export const desiredLayer = z.object({
  account: z.string(),
  module: z.string(),
  version: z.string(),
  version_id: z.string(),
  /** The digest that the authors signed: of an index or a manifest. */
  digest: digestSchema,
  /** The manifest of this platform (equal to `digest` unless that is an index). */
  manifest_digest: digestSchema,
  layer_digest: digestSchema,
  layer_size: z.number().int().nonnegative(),
  composefs_digest: digestSchema,
  priority: z.number().int(),
  variety: z.enum(['subscription', 'config', 'instance']),
  parent_module: z.string().nullable(),
  /** Paths of this layer that other modules' protection drops, byte-wise sorted. */
  effective_mask: z.array(z.string()),
  /**
   * Patterns that an operator reserved for the module, shipped or not; absent if there are none.
   */
  granted_reservations: z.array(z.string()).exactOptional(),
});

export const desiredPolicy = z.object({
  /** `<account>/<module>` whose layers are verified by it. */
  module: z.string(),
  identities: z.array(
    z.object({
      identity_regexp: z.string(),
      issuer_regexp: z.string(),
      claims: z.partialRecord(z.enum(claimNames), z.string()).exactOptional(),
    }),
  ),
  keys: z.array(z.string()),
  require_tlog: z.boolean(),
  trusted_root: z.unknown(),
  attestations: z
    .array(
      z.object({
        predicate_type: z.string(),
        builder_regexp: z.string().exactOptional(),
        source_regexp: z.string().exactOptional(),
      }),
    )
    .exactOptional(),
});

export const renderedFile = z.object({
  path: z.string(),
  module: z.string(),
  mode: z.number().int(),
  uid: z.number().int(),
  gid: z.number().int(),
  mtime: z.number().int(),
  /** base64 of the rendered bytes. */
  content: z.string(),
});

/** The people who approved promotions of a version of a layer, and when. */
export const desiredApproval = z.object({
  /** `<account>/<name>` */
  module: z.string(),
  version: z.string(),
  operation_id: z.string(),
  action: z.string(),
  reviewer: z.string(),
  decided_at: z.string(),
});

export const desiredJob = z
  .object({ id: z.string(), kind: z.string(), timeout_s: z.number().int() })
  .loose();

export const desiredState = z.object({
  account: z.string(),
  instance: z.string(),
  template: z.string(),
  track: z.enum(['live', 'blessed', 'staging']),
  /** fs-verity digest of the composition image. */
  composition_digest: digestSchema,
  generated_format: generatedFormatSchema,
  /** Lowest priority first, the order in which they are laid over each other. */
  layers: z.array(desiredLayer),
  signature_policies: z.array(desiredPolicy),
  /**
   * Sigstore's public-good `trusted_root.json` as the platform fetched it last, for the policies
   * here without one of their own. It is absent if no policy needs it or none was fetched. Then the
   * copy that is shipped with the agent counts.
   */
  public_trusted_root: z.unknown().optional(),
  rendered_files: z.array(renderedFile),
  metadata: z.record(z.string(), z.unknown()),
  jobs: z.array(desiredJob),
  approvals: z.array(desiredApproval),
});

export type DesiredLayer = z.infer<typeof desiredLayer>;

export type DesiredPolicy = z.infer<typeof desiredPolicy>;

export type RenderedFile = z.infer<typeof renderedFile>;

export type DesiredState = z.infer<typeof desiredState>;
