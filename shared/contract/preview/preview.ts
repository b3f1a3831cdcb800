import { z } from 'zod';
import { versionIdSchema } from '../../base/ids.ts';
import { slugSchema } from '../../base/slug.ts';
import type { ChangeName } from '../../domain/operations/index.ts';
import { metadataSchema, trackSchema } from '../http/index.ts';
import { moduleNameSchema, promoteBody, reservationFields } from '../modules/index.ts';
import { changeSchema } from '../operations/index.ts';
import { assignmentFields, lostFilesSchema, replaceAssignmentsBody } from '../templates/index.ts';

/** The kind of a change as an operation has it. */
const kind = <Name extends ChangeName>(name: Name) => z.literal(name);

/** A change to preview, as people name it: without the ids that it gets when it is requested. */
export const trialSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: kind('assignment_add'), module: moduleNameSchema, ...assignmentFields }),
    z.strictObject({
      kind: kind('assignment_update'),
      module: moduleNameSchema,
      ...assignmentFields,
    }),
    z.strictObject({ kind: kind('assignment_remove'), module: moduleNameSchema }),
    z.strictObject({ kind: kind('reservation_change'), module: slugSchema, ...reservationFields }),
    z.strictObject({
      kind: kind('version_promote'),
      version_id: versionIdSchema,
      ...promoteBody.shape,
    }),
  ])
  .meta({ id: 'Trial' });
export type Trial = z.infer<typeof trialSchema>;

export const previewBody = z.strictObject({
  change: trialSchema,
  track: trackSchema.default('live'),
});

/** The assignments that a template would have, as `PUT /templates/{id}/assignments` takes them. */
export const previewAssignmentsBody = replaceAssignmentsBody.extend({
  track: trackSchema.default('live'),
});

const count = z.number().int();
const moduleFacts = z
  .object({
    version: z.string(),
    version_id: z.string(),
    layer_digest: z.string(),
    priority: z.number(),
  })
  .nullable();
const packageUses = z.array(z.object({ package: z.string(), modules: z.array(z.string()) }));
const owner = z.object({
  by: z.string().nullable(),
  type: z.string(),
  mode: count,
  uid: count,
  gid: count,
});
const decided = <Row extends z.ZodType>(row: Row) =>
  z.object({ now: z.array(row), no_longer: z.array(row) });
const taken = z.object({ path: z.string(), from: z.string(), by: z.string() });

/**
 * What a change does to the machines of a template. Lists of files are truncated; `counts` has the
 * full lengths.
 */
export const previewSchema = z
  .object({
    modules: z.array(z.object({ module: z.string(), before: moduleFacts, after: moduleFacts })),
    packages: z.object({ added: packageUses, removed: packageUses }),
    effects: z
      .array(
        z.object({
          module: z.string(),
          name: z.string(),
          was: z.string().nullable(),
          now: z.string().nullable(),
        }),
      )
      .meta({ description: 'services, users, rights and the like that differ' }),
    services: z.array(
      z.object({
        unit: z.string(),
        module: z.string(),
        what: z.enum(['added', 'removed', 'changed']),
        reboot_required: z.boolean(),
      }),
    ),
    added: z.array(z.object({ path: z.string(), type: z.string(), by: z.string() })),
    removed: z.array(z.object({ path: z.string(), type: z.string(), from: z.string() })),
    /** `what`: type, content, mode, owner, xattrs, rendered, module. */
    changed: z.array(
      z.object({ path: z.string(), what: z.array(z.string()), before: owner, after: owner }),
    ),
    dropped: decided(z.object({ path: z.string(), from: z.string(), because_of: z.string() })),
    shadowed: decided(taken),
    carved_out: decided(taken),
    counts: z.object({
      modules: count,
      packages_added: count,
      packages_removed: count,
      effects: count,
      services: count,
      added: count,
      removed: count,
      changed: count,
      dropped: count,
      shadowed: count,
      carved_out: count,
      /** Paths of which only the time differs. */
      times: count,
    }),
  })
  .meta({ id: 'Preview' });

const instanceChange = z.object({
  instance_id: z.string(),
  name: z.string(),
  metadata: z.object({ before: metadataSchema, after: metadataSchema }).nullable(),
  files: z.array(
    z.object({
      path: z.string(),
      what: z.enum(['added', 'removed', 'changed']),
      module: z.string(),
      /** Keys that the file asks for and whose values differ. */
      keys: z.array(z.string()),
      /**
       * `+ `, `- ` or two spaces before each line, `@@ -<line> +<line> @@` before each place; null
       * for binary or long files.
       */
      diff: z.array(z.string()).nullable(),
      more_lines: count,
    }),
  ),
  files_changed: count,
  /**
   * Why the machine would get no new desired state. `refuses`: the change would be refused for this
   * reason.
   */
  error: z.object({ code: z.string(), message: z.string(), refuses: z.boolean() }).nullable(),
});

export const previewAnswer = z.object({
  preview: previewSchema,
  /** Assignment metadata that differs, by module; null if the module is not assigned. */
  metadata: z.array(
    z.object({
      module: z.string(),
      before: metadataSchema.nullable(),
      after: metadataSchema.nullable(),
    }),
  ),
  /**
   * The differences on single machines: their metadata, and the files that are rendered for them.
   */
  instances: z.object({
    examined: count,
    /** Whether the track has machines that were not examined. */
    more: z.boolean(),
    changed: z.array(instanceChange),
  }),
  lost: z.array(lostFilesSchema).meta({
    description: 'files that the changed modules bring or drop, and that do not reach machines',
  }),
  /** Warnings for authors and operators. */
  warnings: z.array(z.string()),
  /**
   * Bounds of the lists: rows and JSON bytes of each list of `preview`, examined machines, lines of
   * all diffs. `counts`, `more`, `files_changed` and `more_lines` say how much was left out.
   */
  bounds: z.object({ list_rows: count, list_bytes: count, instances: count, diff_lines: count }),
});

export const whyQuery = z.object({
  path: z
    .string()
    .max(4096)
    .regex(/^\/(?:[^/]|\/(?=[^/]))*\/?$/, 'expected an absolute path')
    .meta({ description: 'absolute path on the machine' }),
  track: trackSchema.default('live'),
});

export const whyAnswer = z
  .object({
    path: z.string(),
    /** Null if nothing is at the path. */
    present: owner.extend({ rendered: z.boolean() }).nullable(),
    /** Modules that have a file there, highest rank first. */
    candidates: z.array(
      z.object({
        module: z.string(),
        version: z.string(),
        priority: z.number(),
        outcome: z.enum(['wins', 'shadowed', 'dropped']),
        because_of: z.string().nullable(),
      }),
    ),
    protected_by: z.array(
      z.object({
        module: z.string(),
        as: z.enum(['itself', 'ancestor', 'reservation']),
        what: z.string(),
      }),
    ),
    carved_out: z.array(taken),
    /** The same facts as sentences. */
    sentences: z.array(z.string()),
  })
  .meta({ id: 'PathExplanation' });

export const previewAssignmentsAnswer = previewAnswer.extend({
  /** The changes that make the assignments match; none if they match already. */
  changes: z.array(changeSchema),
});
