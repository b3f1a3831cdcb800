import { z } from 'zod';
import { idSchema } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { slugSchema } from '../../base/slug.ts';
import { driftReasons, standings } from '../../domain/machines/index.ts';
import { pageOf, pageQuery, timeSchema, trackSchema } from '../http/index.ts';
import { withheldSchema } from '../modules/index.ts';
import { compositionFailureSchema } from '../templates/index.ts';

/**
 * Instances are read in the order of the table. A page covers only the instances that it read,
 * which may be none.
 */
const fleetPage = z.object({
  limit: z.coerce
    .number<number>()
    .int()
    .min(1)
    .max(limits.fleetInstancesMax)
    .default(limits.fleetInstancesMax)
    .meta({ description: 'number of instances to read for this page' }),
  cursor: pageQuery.shape.cursor,
});

export const fleetQuery = fleetPage.extend({
  template: idSchema('template').exactOptional(),
  cluster: slugSchema.exactOptional(),
  track: trackSchema.exactOptional(),
});

const accountOfModule = slugSchema.exactOptional().meta({
  description: 'account of the module (default: your account, then powernode)',
});

export const machinesQuery = fleetPage.extend({
  account: accountOfModule,
  version: z
    .string()
    .min(1)
    .max(256)
    .exactOptional()
    .meta({ description: 'version string or tag' }),
});

export const moduleTemplatesQuery = pageQuery.extend({ account: accountOfModule });

const count = z.number().int().nonnegative();
const drifted = z.object({ instances: count, drifted: count, pending: count, silent: count });
const digestCount = z.object({
  digest: z.string(),
  desired: count,
  running: count,
  matching: count,
});

const fleetSchema = drifted
  .extend({
    reasons: z.record(z.enum(driftReasons), count),
    templates: z.array(
      drifted.extend({
        template_id: z.string(),
        name: z.string().nullable(),
        /** Tracks that cannot be composed now. Their machines keep their content. */
        composition_failures: z.array(compositionFailureSchema),
      }),
    ),
    clusters: z.array(drifted.extend({ cluster: z.string().nullable() })),
    tracks: z.array(drifted.extend({ track: trackSchema })),
    compositions: z.array(digestCount),
    modules: z.array(
      z.object({
        module: z.string(),
        desired: count,
        running: count,
        drifted: count,
        digests: z.array(
          digestCount.extend({ versions: z.array(z.string()), withheld: withheldSchema }),
        ),
      }),
    ),
    truncated: z.boolean(),
  })
  .meta({ id: 'Fleet' });

/** Counts of the instances of this page. The counts of all pages add up to those of the fleet. */
export const fleetAnswer = z.object({ fleet: fleetSchema, next_cursor: z.string().nullable() });

const machineSchema = z
  .object({
    instance_id: z.string(),
    name: z.string(),
    template_id: z.string(),
    track: trackSchema,
    clusters: z.array(z.string()),
    running: z.string(),
    versions: z.array(z.string()),
    desired: z.string().nullable(),
    drift: z.boolean(),
    standing: z.enum(standings),
    health: z.enum(['healthy', 'degraded', 'unknown']),
    reported_at: timeSchema,
  })
  .meta({ id: 'Machine' });

export const machinesAnswer = pageOf('machines', machineSchema);

const suitabilitySchema = z
  .object({
    template_id: z.string(),
    name: z.string(),
    platform: z.string(),
    takes: z.boolean(),
    reason: z.enum(['none', 'assigned', 'no_version', 'kind', 'platform', 'conflict']),
    message: z.string().nullable(),
    offers: z.array(z.object({ track: trackSchema, version: z.string() })),
  })
  .meta({ id: 'Suitability' });

export const moduleTemplatesAnswer = pageOf('templates', suitabilitySchema);
