import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { generatedService } from '../../shared/domain/compose/index.ts';
import type { AgentPaths } from '../paths.ts';
import { formatJson, readJson, writeJson } from '../state.ts';

/** A service of a generation as the machine's systemd runs it. */
export const machineService = z.object({
  /** The unit's name on the machine. */
  unit: z.string(),
  text: z.string(),
  /** Differs if and only if the service must restart. */
  digest: z.string(),
  after: z.array(z.string()),
  after_healthy: z.array(z.string()),
  health: generatedService.shape.health,
  reboot_required: z.boolean(),
  /** Numbers of users and groups that it runs as, besides root. */
  uids: z.array(z.int()),
  gids: z.array(z.int()),
  /** Directories that the agent makes before the service starts, as the service sees them. */
  directories: z.array(z.object({ path: z.string(), mode: z.int(), uid: z.int(), gid: z.int() })),
});
export type MachineService = z.infer<typeof machineService>;

/**
 * What the agent runs of a generation. It is kept beside the generation, so that a boot and a
 * rollback need neither the network nor a verification that reads all content.
 */
export const servicesRecord = z.object({
  /** Path of the generation. */
  root: z.string(),
  /** What its services have as their /run. */
  run: z.string(),
  services: z.array(machineService),
  /** `<account>/<module>` of each module that has one. */
  modules: z.array(z.string()).default([]),
  probes: z.array(z.object({ name: z.string(), command: z.string(), resolves_to: z.string() })),
});
export type ServicesRecord = z.infer<typeof servicesRecord>;

/** The record of a generation; undefined when there is none, or a damaged one: a tick makes it. */
export async function readServicesRecord(
  paths: AgentPaths,
  generation: number,
): Promise<ServicesRecord | undefined> {
  return readJson(recordPath(paths, generation), servicesRecord).catch(() => undefined);
}

export async function writeServicesRecord(
  paths: AgentPaths,
  generation: number,
  record: ServicesRecord,
): Promise<void> {
  const before = await readServicesRecord(paths, generation);
  // A file that nobody writes again tells a look that nothing changed.
  if (isDeepStrictEqual(before, servicesRecord.parse(JSON.parse(formatJson(record))))) return;

  await mkdir(paths.services, { recursive: true, mode: 0o700 });
  await writeJson(recordPath(paths, generation), record, 0o600);
}

/** Removes the records of generations that are gone. */
export async function cleanServicesRecords({ services, generations }: AgentPaths): Promise<void> {
  const kept = new Set(await readdir(generations));
  for (const name of await readdir(services).catch(() => [])) {
    if (!kept.has(name.replace(/\.json$/, ''))) await rm(join(services, name), { force: true });
  }
}

function recordPath({ services }: AgentPaths, generation: number): string {
  return join(services, `${generation}.json`);
}
