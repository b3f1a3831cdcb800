import { z } from 'zod';
import { GantryError } from '../shared/base/error.ts';
import { digestSchema } from '../shared/base/ids.ts';
import { readIfPresent, writeAtomic } from './files.ts';

/**
 * What the agent does with the root file system: lay it out, also run its services on a machine
 * with its own systemd, or be what the machine boots.
 */
export const ways = ['directory', 'services', 'root'] as const;

/** The choices of `--layout`. */
export const layouts = ['auto', 'mount', 'copy'] as const;

/** The settings from enrolment. This file is written last, so a machine that has it is enrolled. */
export const agentConfig = z.object({
  url: z.url(),
  account: z.string(),
  instance: z.string(),
  /** Paths that belong to the machine: kept outside the generations, and not inspected. */
  writable_paths: z
    .array(z.string().regex(/^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/, 'expected a plain absolute path'))
    .default(['/var']),
  /** Whether the root file system keeps running after decommissioning, or `current` is removed. */
  on_decommission: z.enum(['keep', 'stop']).default('keep'),
  way: z.enum(ways).default('directory'),
  /** How generations get their files: `auto` mounts where the way asks for it and it works. */
  layout: z.enum(layouts).default('auto'),
});
export type AgentConfig = z.infer<typeof agentConfig>;

/**
 * The last response to a heartbeat, kept so that `--once` in a timer needs no heartbeat each time.
 * Holds a capability.
 */
export const agentSession = z.object({
  desired_state_url: z.url(),
  asked_at: z.iso.datetime(),
});
export type AgentSession = z.infer<typeof agentSession>;

export const agentState = z.object({
  /**
   * The highest version of a desired state that was verified here: a lower one is an attack or a
   * mistake.
   */
  seen_version: z.int().nonnegative(),
  /**
   * The director keys that the version belongs to: those of the account root that verified the
   * state.
   */
  seen_by: z.string().nullable().default(null),
  /** ETag of the bytes in desired-state.json. */
  etag: z.string().nullable(),
  /** Number of the running generation; 0 before the first. */
  generation: z.int().nonnegative(),
  applied_version: z.int().nonnegative(),
  composition_digest: digestSchema.nullable(),
  running_module_digests: z.record(z.string(), digestSchema),
  applied_at: z.iso.datetime().nullable(),
  /** How often in a row the root was laid out again because it was tampered with, and when last. */
  repairs: z
    .object({ count: z.int().nonnegative(), last_at: z.iso.datetime().nullable() })
    .default({ count: 0, last_at: null }),
  /**
   * The newest generations that passed their checks, the newest first. They are kept, and the
   * machine returns to them.
   */
  good: z.array(z.object({ generation: z.int(), content: z.string() })).default([]),
  /** The generation whose checks had their time, whatever they found. */
  judged_generation: z.int().default(0),
  /** Services that run across two generations restart when this differs: a repair raises it. */
  services_epoch: z.int().default(0),
  /** Content that is not applied again: it failed here, or a person went back from it. */
  blocked: z
    .object({
      content: z.string(),
      code: z.enum(['rolled_back', 'rollback_held']),
      message: z.string(),
      /** The generation that runs instead. */
      generation: z.int(),
    })
    .nullable()
    .default(null),
});
export type AgentState = z.infer<typeof agentState>;

export const initialState: AgentState = {
  seen_version: 0,
  seen_by: null,
  etag: null,
  generation: 0,
  applied_version: 0,
  composition_digest: null,
  running_module_digests: {},
  applied_at: null,
  repairs: { count: 0, last_at: null },
  good: [],
  judged_generation: 0,
  services_epoch: 0,
  blocked: null,
};

/**
 * Reads one of the agent's own JSON files; undefined when it does not exist.
 *
 * @param cure What to do about a damaged file, as a sentence.
 * @throws `io_error` if it does not have the format that the agent writes.
 */
export async function readJson<S extends z.ZodType>(
  path: string,
  schema: S,
  cure = 'Remove it.',
): Promise<z.infer<S> | undefined> {
  const bytes = await readIfPresent(path);
  if (bytes === undefined) return undefined;

  try {
    return schema.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new GantryError(
      'io_error',
      `${path} is damaged: expected JSON that the agent wrote, found something else. ${cure}`,
      { cause },
    );
  }
}

export async function writeJson(path: string, value: unknown, mode = 0o644): Promise<void> {
  await writeAtomic(path, formatJson(value), mode);
}

export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
