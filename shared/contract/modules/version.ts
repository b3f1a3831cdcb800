import { z } from 'zod';
import { versionIdSchema } from '../../base/ids.ts';
import { candidateStates } from '../../domain/candidates/index.ts';
import {
  packageSources,
  promotionStates,
  versionFilters,
  versionKinds,
  withholdingKinds,
} from '../../domain/modules/index.ts';
import { reverificationOutcomes } from '../../domain/reverify/index.ts';
import { signatureSources } from '../../domain/signatures/index.ts';
import { listQuery, pageOf, timeSchema } from '../http/index.ts';
import { warningSchema } from '../upkeep/index.ts';
import { documentRef, documentShape, sideLayerSchema } from './attestation.ts';
import { effectsSchema } from './effects.ts';
import { movedTagSchema, pollStateSchema, unreadableTagSchema } from './module.ts';

/** One candidate signature and its verdict. */
export const signatureVerdictSchema = z
  .object({
    format: z.enum(['bundle', 'legacy']),
    source: z.enum(signatureSources),
    claimed_digest: z
      .string()
      .exactOptional()
      .meta({ description: 'digest of the manifest or layer with the signature' }),
    identity: z.string().nullable(),
    issuer: z.string().nullable(),
    key_id: z.string().nullable(),
    claims: z.record(z.string(), z.string()).exactOptional(),
    attestation: z
      .object({
        predicate_type: z.string(),
        builder_id: z.string().nullable(),
        ...documentShape,
        kind: documentShape.kind.exactOptional(),
        format: documentShape.format.exactOptional(),
        subjects: z
          .array(z.string())
          .exactOptional()
          .meta({ description: 'digests that the statement is about besides the artifact' }),
        builds_only: z
          .literal(true)
          .exactOptional()
          .meta({ description: 'the statement is about subjects alone, not about their index' }),
        document: documentRef.exactOptional().meta({ description: 'names the stored document' }),
      })
      .exactOptional(),
    proof: z
      .object({
        log_entries: z.array(
          z.object({ log_id: z.string(), index: z.string(), logged_at: timeSchema.nullable() }),
        ),
        timestamps: z.array(timeSchema),
      })
      .exactOptional()
      .meta({
        description: 'log entries and signed times that verified the signature',
      }),
    verified: z.boolean(),
    code: z.string(),
    message: z.string(),
  })
  .meta({ id: 'SignatureVerdict' });

const buildSchema = z.object({
  platform: z.string(),
  manifest_digest: z.string(),
  layer_digest: z.string(),
  layer_size: z.number().int(),
  composefs_digest: z.string(),
  entries: z.number().int(),
});

export const versionSchema = z
  .object({
    id: z.string(),
    account: z.string(),
    module: z.string(),
    version_string: z.string(),
    kind: z
      .enum(versionKinds)
      .meta({ description: 'node: files for machines; platform: code that Gantry runs' }),
    labels: z
      .object({ title: z.string(), version: z.string(), module_id: z.string() })
      .nullable()
      .meta({ description: 'image labels of a platform module' }),
    digest: z.string(),
    /** Of its first build; each build has its own. */
    composefs_digest: z.string().nullable(),
    promotion_state: z.enum(promotionStates),
    /** The same in the older words `draft` and `archived`. */
    lifecycle_state: z.string(),
    was_live: z.boolean(),
    quarantined: z.boolean(),
    held: z.boolean(),
    withheld: z
      .partialRecord(
        z.enum(withholdingKinds),
        z.object({
          reason: z.string(),
          by: z.string(),
          by_name: z.string(),
          at: timeSchema,
          operation_id: z.string(),
        }),
      )
      .exactOptional()
      .meta({ description: 'why people withhold the version' }),
    tags: z.array(z.string()),
    builds: z.array(buildSchema),
    side_layers: z
      .array(sideLayerSchema)
      .exactOptional()
      .meta({ description: 'documents in layers beside the module; nobody attested them' }),
    manifest: z.unknown(),
    effects: effectsSchema,
    warnings: z
      .array(z.string())
      .exactOptional()
      .meta({ description: 'what is odd about the version, though nothing forbids it' }),
    signatures: z.array(signatureVerdictSchema),
    /** How the last re-verification ended; absent before the first. */
    reverification: z
      .object({
        outcome: z.enum(reverificationOutcomes),
        code: z.string().nullable(),
        message: z.string().nullable(),
        policy_version: z.string(),
        trust_root_version: z.string(),
        since: timeSchema,
      })
      .exactOptional(),
    ingested_at: timeSchema,
    state_changed_at: timeSchema,
  })
  .meta({ id: 'Version' });

/** A digest seen in the repository that is not a version yet, and why not. */
export const candidateSchema = z
  .object({
    id: z.string(),
    module: z.string(),
    version_string: z.string(),
    digest: z.string(),
    tags: z.array(z.string()),
    state: z.enum(candidateStates),
    code: z.string().nullable(),
    message: z.string().nullable(),
    signatures: z.array(signatureVerdictSchema),
    next_verify_at: timeSchema.nullable(),
    attempts: z.number().int(),
    found_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Candidate' });

/** A page of versions, newest first; the first one also has candidates, moved tags and warnings. */
export const versionsAnswer = pageOf('versions', versionSchema).extend({
  candidates: z.array(candidateSchema),
  moved_tags: z.array(movedTagSchema),
  warnings: z.array(warningSchema),
});
export const versionsQuery = listQuery(versionFilters);
export const versionAnswer = z.object({ version: versionSchema });
export const versionParams = z.object({ id: versionIdSchema });

/** The state of an artifact of a module, and the reason for it. */
export const explainQuery = z.object({
  ref: z
    .string()
    .min(1)
    .max(200)
    .meta({ description: 'tag, version string, sha256:<hex> or ver_<hex>' }),
});
export const explainAnswer = z.object({
  version: versionSchema.nullable(),
  candidate: candidateSchema
    .nullable()
    .meta({ description: 'null if the repository never had the artifact' }),
  tag: z
    .object({
      tag: z.string(),
      digest: z.string(),
      checked_at: timeSchema,
      moved_to: z.string().nullable(),
      gone_at: timeSchema.nullable(),
    })
    .nullable(),
  unreadable: unreadableTagSchema
    .nullable()
    .meta({ description: 'the tag, if the registry lists it and does not return it' }),
  poll: pollStateSchema.nullable(),
  reason: z.object({
    code: z.string().nullable().meta({ description: 'null without an error' }),
    message: z.string(),
    cure: z.string().nullable(),
  }),
});

/** `draft` and `archived` are the older words for `built` and `retired`. */
export const promoteBody = z.strictObject({
  to: z.enum([...promotionStates, 'draft', 'archived']),
  withdraw: z.boolean().exactOptional().meta({
    description:
      'retire the version although compositions use it and no other version can take over; they lose the module',
  }),
});

const reason = z
  .string()
  .min(1)
  .max(500)
  .meta({ description: 'why, for people and for the event' });
/** Of yank, unyank, quarantine and release. */
export const withholdBody = z.strictObject({ reason });
export const rollbackBody = z.strictObject({
  to: z
    .string()
    .min(1)
    .max(200)
    .exactOptional()
    .meta({
      description: 'a version that was live before; the last one by default',
      examples: ['1.3.0'],
    }),
  reason: reason.exactOptional(),
  break_glass: z
    .boolean()
    .exactOptional()
    .meta({ description: 'apply it immediately and ask reviewers afterwards' }),
});

export const diffParams = z.object({
  id: versionIdSchema,
  other: versionIdSchema.meta({ description: 'the version to compare with' }),
});
export const diffQuery = z.object({
  platform: z
    .string()
    .min(1)
    .max(100)
    .exactOptional()
    .meta({ description: 'builds to compare (default: the first that both versions have)' }),
});

const comparedEntry = z
  .object({
    path: z.string(),
    type: z.string().meta({ description: 'file, directory, symlink or another kind of entry' }),
    mode: z.number().int().meta({ description: 'permission bits' }),
    uid: z.number().int().meta({ description: 'id of the owner' }),
    gid: z.number().int().meta({ description: 'id of the group' }),
    size: z.number().int().meta({ description: 'bytes of a file, or of the target of a link' }),
  })
  .meta({ id: 'ComparedEntry' });

const comparedVersion = z
  .object({
    version_id: z.string(),
    version: z.string(),
    digest: z.string(),
    promotion_state: z.enum(promotionStates),
    layer_size: z.number().int().meta({ description: 'bytes of the layer' }),
  })
  .meta({ id: 'ComparedVersion' });

const jsonOfField = z
  .string()
  .nullable()
  .meta({
    description: 'JSON; null if the manifest lacks the field',
    examples: ['["redis-server"]'],
  });

const packageVersion = z
  .string()
  .nullable()
  .meta({ description: 'version of the package; null if not known', examples: ['5:7.0.15-1'] });
const packageOfVersion = z.object({
  name: z.string().meta({ description: 'name of the package', examples: ['redis-server'] }),
  version: packageVersion,
});

/** How two versions of a module differ. */
export const versionDiffAnswer = z.object({
  module: z.string(),
  from: comparedVersion,
  to: comparedVersion,
  platform: z.string(),
  files: z
    .object({
      added: z.array(comparedEntry),
      removed: z.array(comparedEntry),
      changed: z.array(
        z.object({
          path: z.string(),
          what: z
            .array(z.string())
            .meta({ description: 'type, content, mode, owner, xattrs; times do not count' }),
          before: comparedEntry,
          after: comparedEntry,
        }),
      ),
    })
    .meta({ description: 'the first of each list; `counts` has the full numbers' }),
  counts: z.object({
    added: z.number().int(),
    removed: z.number().int(),
    changed: z.number().int(),
  }),
  packages: z
    .object({
      source: z.enum(packageSources).meta({
        description: 'dpkg: records in the layers; sbom: the SBOMs; manifest: names alone',
      }),
      added: z.array(packageOfVersion),
      removed: z.array(packageOfVersion),
      changed: z.array(
        z.object({ name: packageOfVersion.shape.name, was: packageVersion, now: packageVersion }),
      ),
    })
    .meta({ description: 'packages that differ, by the first source that both versions have' }),
  manifest: z
    .array(
      z.object({
        field: z.string(),
        was: jsonOfField,
        now: jsonOfField,
      }),
    )
    .meta({ description: 'fields of the manifest that differ' }),
});
