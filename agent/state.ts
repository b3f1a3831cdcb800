import { z } from 'zod';
import { GantryError } from '../shared/base/error.ts';
import { digestSchema } from '../shared/base/ids.ts';
import { readIfPresent, writeAtomic } from './files.ts';

/** What enrolment settled. Written last, so that its presence means "enrolled". */
export const agentConfig = z.object({
  url: z.url(),
  account: z.string(),
  instance: z.string(),
  /** Paths that belong to the machine: carried from generation to generation and not checked. */
  writable_paths: z
    .array(z.string().regex(/^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/, 'expected a plain absolute path'))
    .default(['/var']),
  /** What becomes of the root once the instance is decommissioned: it keeps running, or `current` is taken away. */
  on_decommission: z.enum(['keep', 'stop']).default('keep'),
});
export type AgentConfig = z.infer<typeof agentConfig>;

/** The last answer to a heartbeat. Kept, so that `--once` from a timer does not ask each time; holds a capability. */
export const agentSession = z.object({
  desired_state_url: z.url(),
  asked_at: z.iso.datetime(),
});
export type AgentSession = z.infer<typeof agentSession>;

export const agentState = z.object({
  /** The highest version of a desired state that was ever verified here: a lower one is an attack or a mistake. */
  seen_version: z.int().nonnegative(),
  /** Whose versions those are: the director of the root that the state was verified by (roots.ts). */
  seen_by: z.string().nullable().default(null),
  /** ETag of the bytes in desired-state.json. */
  etag: z.string().nullable(),
  /** The running generation, 0 before the first. */
  generation: z.int().nonnegative(),
  applied_version: z.int().nonnegative(),
  composition_digest: digestSchema.nullable(),
  running_module_digests: z.record(z.string(), digestSchema),
  applied_at: z.iso.datetime().nullable(),
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
};

/** Reads one of the agent's own JSON files; undefined when there is none, `io_error` when it is not what it should be. */
export async function readJson<S extends z.ZodType>(
  path: string,
  schema: S,
): Promise<z.infer<S> | undefined> {
  const bytes = await readIfPresent(path);
  if (bytes === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new GantryError(
      'io_error',
      `${path} cannot be understood; expected what the agent once wrote there.`,
      {
        cause,
      },
    );
  }
}

export async function writeJson(path: string, value: unknown, mode = 0o644): Promise<void> {
  await writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`, mode);
}
