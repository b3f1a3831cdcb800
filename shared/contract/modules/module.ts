import { z } from 'zod';
import { limits } from '../../base/limits/index.ts';
import { slugSchema } from '../../base/slug.ts';
import { moduleFilters, promotionStates, varieties } from '../../domain/modules/index.ts';
import { claimNames } from '../../domain/signatures/index.ts';
import { listQuery, timeSchema, trackSchema } from '../http/index.ts';
import { warningSchema } from '../upkeep/index.ts';
import { effectsSchema } from './effects.ts';

const regexp = z.string().min(1).max(1000);

/**
 * The identity that a keyless signature must have: the pair of regexps that `cosign verify` takes,
 * with RE2 meaning.
 */
const cosignIdentity = z.strictObject({
  cosign_identity_regexp: regexp,
  cosign_issuer_regexp: regexp,
  cosign_claims: z.partialRecord(z.enum(claimNames), regexp).exactOptional().meta({
    description:
      'regexps for the workflow claims in the certificate, such as source_repository_ref',
  }),
});

const attestationRequirement = z.strictObject({
  predicate_type: z.url('expected a URL such as https://slsa.dev/provenance').max(500).meta({
    description:
      'predicate type; without a version it matches all versions: https://slsa.dev/provenance',
  }),
  builder_regexp: regexp
    .exactOptional()
    .meta({ description: 'regexp of the builder in SLSA provenance' }),
  source_regexp: regexp
    .exactOptional()
    .meta({ description: 'regexp of the source repository in SLSA provenance' }),
});

/** `name` or `<account>/<name>`. */
export const moduleNameSchema = z
  .string()
  .max(127)
  .regex(
    /^[a-z0-9]+(?:[._-][a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-][a-z0-9]+)*)?$/,
    'expected <name> or <account>/<name> in lower case',
  );

export const platformSchema = z
  .string()
  .max(100)
  .regex(/^[a-z0-9][a-z0-9._-]*$/, 'expected a platform such as ubuntu-24.04-amd64');

/**
 * The registration row (product.md, section 1). Keys, a pair of regexps or several pairs: one of
 * them at least.
 */
export const registerModuleBody = z
  .strictObject({
    name: slugSchema,
    visibility: z.enum(['private', 'public']).exactOptional(),
    category: slugSchema.meta({ description: 'category of the account' }),
    variety: z.enum(varieties).exactOptional(),
    parent_module: moduleNameSchema.nullable().exactOptional(),
    repository: z
      .string()
      .min(1)
      .max(500)
      .meta({ description: 'OCI reference without a tag: host[:port]/path' }),
    cosign_identity_regexp: regexp.exactOptional(),
    cosign_issuer_regexp: regexp.exactOptional(),
    cosign_identities: z.array(cosignIdentity).max(20).exactOptional(),
    trusted_keys: z
      .array(z.string().max(10_000))
      .max(20)
      .exactOptional()
      .meta({ description: 'public keys, PEM' }),
    trusted_root: z.record(z.string(), z.unknown()).nullable().exactOptional().meta({
      description: 'Sigstore trusted_root.json; absent or null means the public-good trust root',
    }),
    require_tlog: z.boolean().exactOptional(),
    required_attestations: z.array(attestationRequirement).max(10).exactOptional(),
    platforms: z.array(platformSchema).max(50).exactOptional(),
    allow_devices: z.boolean().exactOptional(),
    digit_commits: z.boolean().exactOptional(),
    allow_unanchored: z
      .boolean()
      .exactOptional()
      .meta({ description: 'accept regexps without ^ and $' }),
  })
  .meta({ id: 'RegisterModule' });
export type RegisterModuleBody = z.infer<typeof registerModuleBody>;

const registration = registerModuleBody.shape;

/** The fields to change; the rest stays. Lists are replaced as a whole. */
export const updateModuleBody = z
  .strictObject({
    archived: z
      .boolean()
      .exactOptional()
      .meta({ description: 'no polls, hidden from lists, cannot be assigned; versions stay' }),
    visibility: registration.visibility,
    category: registration.category.exactOptional(),
    platforms: registration.platforms,
    repository: registration.repository.exactOptional(),
    cosign_identity_regexp: registration.cosign_identity_regexp,
    cosign_issuer_regexp: registration.cosign_issuer_regexp,
    cosign_identities: registration.cosign_identities,
    trusted_keys: registration.trusted_keys,
    trusted_root: registration.trusted_root,
    require_tlog: registration.require_tlog,
    required_attestations: registration.required_attestations,
    allow_devices: registration.allow_devices,
    digit_commits: registration.digit_commits,
    allow_unanchored: registration.allow_unanchored,
    quarantine: z.boolean().exactOptional().meta({
      description: 'true to quarantine versions that compositions use, if they would not verify',
    }),
    policy_version: z.string().max(100).exactOptional().meta({
      description: 'the trust policy that the change was made from: refused if it is another now',
    }),
  })
  .refine(
    ({ allow_unanchored: _, quarantine: __, policy_version: ___, ...set }) =>
      Object.keys(set).length > 0,
    {
      error: 'expected a field to change',
    },
  )
  .meta({ id: 'UpdateModule' });
export type UpdateModuleBody = z.infer<typeof updateModuleBody>;

const trustLoss = z
  .object({
    version_id: z.string(),
    version: z.string(),
    promotion_state: z.enum(promotionStates),
    code: z
      .string()
      .nullable()
      .meta({ description: 'why its signatures would not satisfy the policy' }),
    message: z.string().nullable(),
    uses: z
      .array(
        z.object({
          template_id: z.string(),
          template: z.string(),
          track: trackSchema,
          machines: z.number().int(),
        }),
      )
      .meta({ description: 'compositions of the account that have the version' }),
  })
  .meta({ id: 'TrustLoss' });

/** What a change of a registration would quarantine. */
export const previewModuleAnswer = z.object({
  action: z.string().meta({ description: 'the action whose policy the change needs' }),
  loosens_trust: z
    .boolean()
    .meta({ description: 'true if an artifact can get in that the present policy refuses' }),
  losses: z
    .array(trustLoss)
    .meta({ description: 'versions that would be quarantined, by their stored signatures' }),
  not_judged: z
    .number()
    .int()
    .meta({ description: 'older versions that were not judged; no composition uses them' }),
});

export const moduleSchema = z
  .object({
    account: z.string(),
    name: z.string(),
    id: z.string(),
    visibility: z.enum(['private', 'public']),
    category: z.string(),
    variety: z.enum(varieties),
    parent_module: z.string().nullable(),
    repository: z.string(),
    /** Of the first pair, null if there is none. */
    cosign_identity_regexp: z.string().nullable(),
    cosign_issuer_regexp: z.string().nullable(),
    cosign_identities: z.array(cosignIdentity),
    trusted_keys: z.array(z.string()),
    trusted_root: z.unknown(),
    require_tlog: z.boolean(),
    required_attestations: z.array(attestationRequirement),
    platforms: z.array(z.string()),
    allow_devices: z.boolean(),
    digit_commits: z.boolean(),
    /** Patterns that protect what they match whether the module ships it or not. */
    granted_reservations: z.array(z.string()),
    policy_version: z.string(),
    live_version_id: z.string().nullable(),
    archived: z.boolean(),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Module' });

const patterns = z
  .array(z.string().min(1).max(limits.globBytesMax))
  .max(100)
  .meta({ description: 'patterns from the protected_spec of a version of the module' });

/** The patterns to reserve for a module, and those to revoke. Other reservations stay. */
export const reservationFields = {
  grant: patterns.exactOptional(),
  revoke: patterns.exactOptional(),
};

export const changeReservationsBody = z
  .strictObject(reservationFields)
  .refine(({ grant = [], revoke = [] }) => grant.length + revoke.length > 0, {
    error: 'expected a pattern to grant or to revoke',
  })
  .refine(({ grant = [], revoke = [] }) => !grant.some((pattern) => revoke.includes(pattern)), {
    error: 'expected a pattern to be either granted or revoked, found one that is both',
  })
  .meta({ examples: [{ grant: ['/etc/ssh/**'] }] });

/** The state of polling the module's repository. */
export const pollStateSchema = z
  .object({
    polled_at: timeSchema.nullable(),
    succeeded_at: timeSchema.nullable(),
    next_poll_at: timeSchema,
    failures: z.number().int(),
    code: z.string().nullable(),
    message: z.string().nullable(),
    ignored_tags: z.array(z.string()),
    list_cut: z
      .string()
      .nullish()
      .meta({ description: 'why the list of tags is incomplete; null if it is complete' }),
  })
  .meta({ id: 'PollState' });

export const modulesQuery = listQuery(moduleFilters);

/** Why machines that lack a version do not get it now. */
export const withheldSchema = z
  .object({ kind: z.enum(['yanked', 'quarantined', 'held', 'retired']), reason: z.string() })
  .nullable();

/** A module as a list shows it. */
export const listedModuleSchema = moduleSchema
  .extend({
    poll: pollStateSchema.omit({ ignored_tags: true }).nullable(),
    warnings: z.array(warningSchema),
    live_version: z
      .string()
      .nullable()
      .meta({ description: 'the version that is live; null for none', examples: ['1.4.0'] }),
    live_withheld: withheldSchema.meta({
      description: 'why machines that lack the live version do not get it; null if they do',
    }),
  })
  .meta({ id: 'ListedModule' });

/** A tag that no longer names the digest of the version that it gave its name. */
export const movedTagSchema = z
  .object({
    tag: z.string(),
    digest: z.string().meta({ description: 'of the version that had the tag' }),
    moved_to: z.string().nullable().meta({ description: 'the digest that it names now' }),
    gone_at: timeSchema
      .nullable()
      .meta({ description: 'since when the registry lacks it; null while it has it' }),
    checked_at: timeSchema,
  })
  .meta({ id: 'MovedTag' });

/** A tag that the registry lists and does not return. */
export const unreadableTagSchema = z
  .object({
    tag: z.string(),
    code: z.string().meta({ description: 'why the registry did not return the tag' }),
    message: z.string(),
    failures: z.number().int(),
    since: timeSchema.meta({ description: 'when the registry first did not return the tag' }),
    next_look_at: timeSchema.meta({ description: 'a poll from then on asks for the tag again' }),
  })
  .meta({ id: 'UnreadableTag' });

export const moduleAnswer = z.object({
  module: moduleSchema,
  poll: pollStateSchema.nullable(),
  moved_tags: z.array(movedTagSchema),
  unreadable_tags: z.array(unreadableTagSchema).meta({
    description: 'at most 100 tags that the registry lists and does not return; others are polled',
  }),
  warnings: z.array(warningSchema),
});

const manifestProblem = z.object({
  severity: z.enum(['error', 'warning']),
  line: z.number().int(),
  column: z.number().int(),
  path: z.string(),
  message: z.string(),
});

export const validateManifestBody = z.strictObject({
  manifest_yaml: z.string(),
  category_slug: slugSchema.exactOptional().meta({
    description: 'category of the module; its position decides which module wins a conflict',
  }),
  files: z
    .array(
      z
        .string()
        .max(limits.pathBytesMax)
        .regex(/^\/.*[^/]$/s, 'expected the absolute path of a file'),
    )
    .max(limits.validateFilesMax)
    .exactOptional()
    .meta({
      description: 'shipped files, as in dist/file-list.txt; file_spec is used if this is absent',
    }),
});
export type ValidateManifestBody = z.infer<typeof validateManifestBody>;
export const validateManifestAnswer = z.object({
  valid: z.boolean(),
  errors: z.array(manifestProblem),
  warnings: z.array(manifestProblem),
  effects: effectsSchema,
  /**
   * Clashes of protected paths with the account's modules, by path, at most
   * `limits.conflictsShownMax`.
   */
  conflicts: z.array(
    z.object({
      kind: z.enum(['both_protect', 'would_be_dropped', 'would_drop']),
      /** `<account>/<name>` of the other module. */
      module: z.string(),
      path: z.string(),
      /** False where the patterns only allow it. */
      certain: z.boolean(),
      message: z.string(),
    }),
  ),
});
