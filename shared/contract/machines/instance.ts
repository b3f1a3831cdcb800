import { z } from 'zod';
import { idSchema } from '../../base/ids.ts';
import { slugSchema } from '../../base/slug.ts';
import {
  driftReasons,
  instanceFilters,
  instanceStates,
  standings,
} from '../../domain/machines/index.ts';
import {
  listQuery,
  metadataPatchSchema,
  metadataSchema,
  timeSchema,
  trackSchema,
} from '../http/index.ts';
import { withheldSchema } from '../modules/index.ts';
import { agentReport, sealingKeySchema } from './agent.ts';

const clusters = z.array(slugSchema).max(50);

export const createInstanceBody = z.strictObject({
  name: slugSchema,
  template_id: idSchema('template'),
  track: trackSchema.exactOptional(),
  metadata: metadataSchema.exactOptional(),
  clusters: clusters.exactOptional(),
});
export type CreateInstanceBody = z.infer<typeof createInstanceBody>;

export const updateInstanceBody = z
  .strictObject({
    name: slugSchema.exactOptional(),
    metadata: metadataPatchSchema.exactOptional(),
    track: trackSchema.exactOptional(),
    clusters: clusters.exactOptional(),
  })
  .refine((body) => Object.keys(body).length > 0, {
    error: 'expected one of name, metadata, track and clusters',
  });

const reportSchema = agentReport.extend({
  composition_digest: z.string().nullable(),
  running_module_digests: z.record(z.string(), z.string()),
  at: timeSchema,
  healthy_since: z
    .object({
      all: timeSchema,
      newer: z
        .record(z.string(), timeSchema)
        .meta({ description: 'modules that it got later, by name' }),
    })
    .nullable()
    .meta({
      description: 'since when the machine reports that it is healthy with what it runs',
    }),
});

/** No key, credential or join secret is among the fields, hashed or not. */
export const instanceSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    template_id: z.string(),
    track: trackSchema,
    metadata: metadataSchema,
    clusters: z.array(z.string()),
    state: z.enum(instanceStates),
    join_expires_at: timeSchema.nullable(),
    /** The key to which values for the machine are sealed; null until its agent sends one. */
    sealing_key: z.string().nullable(),
    desired_version: z.number().int(),
    desired_composition: z.string().nullable(),
    desired_modules: z.record(z.string(), z.string()),
    desired_signed_at: timeSchema.nullable(),
    desired_expires_at: timeSchema.nullable(),
    /** Why no new desired state can be made. The previous one stays until then. */
    desired_error: z
      .object({ code: z.string(), message: z.string(), since: timeSchema })
      .nullable(),
    /** The last report of the machine; `{}` before the first. */
    running_module_digests: z.record(z.string(), z.string()),
    /** Whether the standing is `drifted`. */
    drift: z.boolean(),
    standing: z.enum(standings),
    report: reportSchema.nullable(),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Instance' });

const versionsOfDigest = z.array(z.string()).meta({
  description: 'the versions that have this content, newest first; several have equal content',
  examples: [['1.4.0']],
});

export const driftAnswer = z
  .object({
    instance_id: z.string(),
    standing: z.enum(standings),
    /** Whether the standing is `drifted`. */
    drift: z.boolean(),
    modules: z.array(
      z.object({
        module: z.string(),
        desired: z.string().nullable(),
        running: z.string().nullable(),
        desired_versions: versionsOfDigest,
        running_versions: versionsOfDigest,
        desired_withheld: withheldSchema,
        running_withheld: withheldSchema,
      }),
    ),
    desired_composition: z.string().nullable(),
    running_composition: z.string().nullable(),
    reason: z.enum(driftReasons),
    message: z.string().nullable(),
    reported_at: timeSchema.nullable(),
  })
  .meta({ id: 'DriftReport' });

export const instanceAnswer = z.object({ instance: instanceSchema });
/** The join token is shown once; `gantry agent enroll` takes it. */
export const createInstanceAnswer = z.object({
  instance: instanceSchema,
  join_token: z.string(),
  /**
   * Keys that its rendered files need and its metadata lacks. It gets no desired state until it has
   * them.
   */
  keys_missing: z.array(z.object({ key: z.string(), file: z.string(), module: z.string() })),
});
export const joinTokenAnswer = z.object({ join_token: z.string() });
export const instanceParams = z.object({ id: idSchema('instance') });

/** What an agent sends to enrol, taken from its join token. */
export const enrollBody = z.strictObject({
  account: z.string(),
  instance: idSchema('instance'),
  secret: z.string().max(512),
  /**
   * The root that the token pins. The agent verifies its successors one by one, up to the newest.
   */
  root_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Agents of older releases have none. */
  sealing_key: sealingKeySchema.exactOptional(),
});

export const instancesQuery = listQuery(instanceFilters);
