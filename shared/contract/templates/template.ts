import { z } from 'zod';
import { idSchema } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { slugSchema } from '../../base/slug.ts';
import { servicesManagedBy } from '../../domain/compose/index.ts';
import { templateFilters } from '../../domain/templates/index.ts';
import {
  listQuery,
  metadataPatchSchema,
  metadataSchema,
  timeSchema,
  trackSchema,
} from '../http/index.ts';
import { moduleNameSchema, platformSchema, withheldSchema } from '../modules/index.ts';
import { operationSchema } from '../operations/index.ts';

export const templateSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    platform: z.string(),
    revision: z.number().int(),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Template' });

export const createTemplateBody = z.strictObject({ name: slugSchema, platform: platformSchema });
export type CreateTemplateBody = z.infer<typeof createTemplateBody>;

export const templatesQuery = listQuery(templateFilters);

export const renameTemplateBody = z.strictObject({ name: slugSchema });

export const assignmentSchema = z
  .object({
    id: z.string(),
    template_id: z.string(),
    module: z.string(),
    constraint: z.string().nullable(),
    metadata: metadataSchema,
    effective_priority: z.number().nullable(),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Assignment' });

const constraint = z
  .string()
  .max(200)
  .nullable()
  .meta({ description: 'npm-style semver range; null means any' });
const effectivePriority = z.number().int().min(0).max(10_000).nullable();

/** The fields of an assignment besides its module. */
export const assignmentFields = {
  constraint: constraint.exactOptional(),
  metadata: metadataSchema.exactOptional(),
  effective_priority: effectivePriority.exactOptional(),
};

/** `module_name` and `module` mean the same; a request has one of them. */
export const assignModuleBody = z
  .strictObject({
    module_name: moduleNameSchema.exactOptional(),
    module: moduleNameSchema.exactOptional(),
    ...assignmentFields,
  })
  .refine((body) => (body.module === undefined) !== (body.module_name === undefined), {
    error: 'expected module_name (or module, not both)',
    path: ['module_name'],
  })
  .meta({ examples: [{ module_name: 'my-redis', constraint: '^1.0' }] });

export const updateAssignmentBody = z
  .strictObject({
    ...assignmentFields,
    metadata: metadataPatchSchema.exactOptional(),
  })
  .refine((body) => Object.keys(body).length > 0, {
    error: 'expected one of constraint, metadata and effective_priority',
  });

/** Files of a module that do not reach machines, because of one other module. */
export const lostFilesSchema = z
  .object({
    module: z.string(),
    how: z
      .enum(['dropped', 'shadowed'])
      .meta({ description: 'whether protection drops them or a higher layer covers them' }),
    because_of: z.string(),
    paths: z.array(z.string()).meta({ description: 'the first of the files' }),
    count: z.number().int().meta({ description: 'how many files there are' }),
    nothing_left: z
      .boolean()
      .meta({ description: 'true if nothing of the module reaches machines' }),
    message: z.string(),
  })
  .meta({ id: 'LostFiles' });

/** What a requested assignment does to the files of its module, on the tracks that are composed. */
const assignmentEffects = {
  lost: z.array(lostFilesSchema),
  warnings: z.array(z.string()).meta({ description: 'sentences for people' }),
};

/** All assignments that a template should have; the others are removed. */
export const replaceAssignmentsBody = z.strictObject({
  assignments: z
    .array(z.strictObject({ module: moduleNameSchema, ...assignmentFields }))
    .max(limits.replacedAssignmentsMax),
});

/** The file of `gantry template apply`. */
export const templateFile = replaceAssignmentsBody.extend({ template: z.string().min(1) });

export const replaceAssignmentsAnswer = z.object({
  operation: operationSchema
    .nullable()
    .meta({ description: 'null if the assignments match already' }),
  ...assignmentEffects,
});

export const updateAssignmentAnswer = z.object({
  operation: operationSchema,
  ...assignmentEffects,
});

export const assignAnswer = z.object({
  operation: operationSchema,
  ...assignmentEffects,
  assignment: z.object({ id: z.string(), template_id: z.string(), module: z.string() }),
});

const layerReport = z.object({
  name: z.string(),
  version: z.string(),
  priority: z.number(),
  files: z.number().int(),
  effective_mask: z.array(z.string()),
});

/** Explains the content of every path. Lists are truncated; `counts` has the full lengths. */
export const compositionReportSchema = z
  .object({
    layers: z.array(layerReport),
    dropped: z.array(z.object({ path: z.string(), from: z.string(), because_of: z.string() })),
    shadowed: z.array(z.object({ path: z.string(), from: z.string(), by: z.string() })),
    carved_out: z.array(z.object({ path: z.string(), from: z.string(), by: z.string() })),
    warnings: z.array(z.string()),
    counts: z.object({
      dropped: z.number().int(),
      shadowed: z.number().int(),
      carved_out: z.number().int(),
      warnings: z.number().int(),
    }),
  })
  .meta({ id: 'CompositionReport' });

export const compositionSchema = z
  .object({
    template_id: z.string(),
    track: trackSchema,
    digest: z.string(),
    image_sha256: z.string(),
    image_size: z.number().int(),
    revision: z.number().int(),
    made_at: timeSchema,
  })
  .meta({ id: 'Composition' });

/** Why a track cannot be composed now, and since when. */
export const compositionFailureSchema = z.object({
  track: trackSchema,
  code: z.string(),
  message: z.string(),
  since: timeSchema,
});

const templateModuleSchema = z
  .object({
    track: trackSchema,
    module: z.string(),
    version: z
      .string()
      .nullable()
      .meta({ description: 'null for an assigned module without a version for the track' }),
    version_id: z.string().nullable(),
    assigned: z.boolean(),
    withheld: withheldSchema,
    pinned: z
      .boolean()
      .meta({ description: "true for another account's module, whose updates are proposed" }),
    proposal: z
      .object({ version: z.string(), operation_id: z.string(), state: z.string() })
      .nullable(),
    rejected: z.array(z.string()),
  })
  .meta({ id: 'TemplateModule' });

export const templateAnswer = z.object({
  template: templateSchema,
  assignments: z.array(assignmentSchema),
  /** The current composition of each track that has one. */
  compositions: z.array(compositionSchema),
  /** The modules of each track that is composed. */
  modules: z.array(templateModuleSchema),
  /** Of each track that cannot be composed now. Its composition is an earlier one, or none. */
  composition_failures: z.array(compositionFailureSchema),
});

export const compositionQuery = z.object({ track: trackSchema.default('live') });
export const compositionAnswer = z.object({
  composition: compositionSchema,
  report: compositionReportSchema,
  services: z
    .array(
      z
        .object({
          unit: z.string(),
          module: z.string(),
          managed: z.enum(servicesManagedBy),
          after: z.array(z.string()),
          user: z.string().nullable(),
          reboot_required: z.boolean(),
        })
        .meta({ id: 'ComposedService' }),
    )
    .meta({ description: 'what machines start, in that order' }),
  privileges: z
    .array(
      z
        .object({ module: z.string(), kind: z.string(), sentence: z.string(), digest: z.string() })
        .meta({ id: 'Privilege' }),
    )
    .meta({ description: 'what its modules need besides their files and services' }),
  modules: z
    .array(templateModuleSchema)
    .meta({ description: 'the modules of this track, with what withholds or would replace them' }),
});

export const templateParams = z.object({ id: idSchema('template') });
export const assignmentParams = z.object({ id: idSchema('assignment') });
