import { readClaimedContent } from '../../shared/director/index.ts';
import type { Agent } from '../agent.ts';
import type { Generation } from '../apply/generation.ts';
import type { Running } from '../apply/running.ts';
import { readIfPresent, writeAtomic } from '../files.ts';
import { bootRecordPath, prepareRuntime } from '../services/runtime.ts';
import { readServicesRecord } from '../services/services-record.ts';
import type { Remark } from '../verify/remark.ts';
import { changedModules } from './changed-modules.ts';
import { findRebootRequired } from './reboot-required.ts';

/**
 * Notes what a machine with its own systemd had when it booted, before anything is applied. The
 * note is in /run, so it ends with the boot. What cannot be verified is not noted.
 */
export async function noteAtBoot(
  { paths, config, state }: Pick<Agent, 'paths' | 'config' | 'state'>,
  running: Running | undefined,
): Promise<void> {
  const isKnown = running !== undefined || state.generation === 0;
  if (config.way !== 'services' || !isKnown) return;

  const path = bootRecordPath(paths);
  if ((await readIfPresent(path)) !== undefined) return;
  await prepareRuntime(paths);
  await writeAtomic(path, running?.bytes ?? '', 0o600);
}

/**
 * Finds modules with `reboot_required` and no services whose version is not the one that the
 * machine had when it booted. Services of such modules wait for the boot themselves.
 */
export async function findAwaitingBoot(
  agent: Pick<Agent, 'paths' | 'config' | 'store'>,
  { number, desiredState }: Generation,
): Promise<Remark[]> {
  const noted = await readIfPresent(bootRecordPath(agent.paths));
  if (noted === undefined || desiredState === undefined) return [];

  const before = noted.length === 0 ? undefined : readClaimedContent(noted).custom;
  const after = readClaimedContent(desiredState).custom;
  const changed = changedModules(before, after);
  const record = await readServicesRecord(agent.paths, number);
  for (const name of record?.modules ?? []) changed.delete(name);

  const names = await findRebootRequired(agent, after, changed);
  if (names.length === 0) return [];
  const message = `The version of ${names.join(', ')} takes effect at the next boot.`;
  return [{ code: 'pending_reboot', message }];
}
