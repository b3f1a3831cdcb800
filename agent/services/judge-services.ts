import { setTimeout as sleep } from 'node:timers/promises';
import type { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { awaitHealthy, checkHealth, probeFailedError } from './check-health.ts';
import { serviceFailedError } from './converge-services.ts';
import { runProbes } from './run-probes.ts';
import type { MachineService, ServicesRecord } from './services-record.ts';
import { readUnits, type UnitState } from './systemd.ts';

/**
 * Finds what is wrong with the services that run. After a switch each has its time to become
 * healthy, and must not have been restarted by systemd since; later each is asked once.
 */
export async function judgeServices(
  record: ServicesRecord,
  machineData: string,
  { isNew }: { isNew: boolean },
): Promise<GantryError[]> {
  const { services } = record;
  const units = services.map(({ unit }) => unit);
  const before = isNew ? await readUnits(units) : undefined;

  // A process that ends right after its start runs at the first look.
  if (isNew && units.length > 0) await sleep(limits.agentSettleMs);
  const check = isNew ? awaitHealthy : ({ health }: MachineService) => checkHealth(health);
  const unhealthy = await Promise.all(services.map(check));
  const after = await readUnits(units);

  const faults: GantryError[] = [];
  for (const [index, { unit }] of services.entries()) {
    const state = after[index] as UnitState;
    const what = describeFault(before?.[index] ?? state, state);
    const health = unhealthy[index];

    if (what !== undefined) faults.push(await serviceFailedError(unit, what));
    else if (health !== undefined) faults.push(probeFailedError(unit, health));
  }

  const probes = isNew ? await runProbes(record, machineData) : [];
  return [...faults, ...probes];
}

/**
 * What is wrong with a unit, as the end of a sentence. A unit that ended without a fault, or that a
 * person stopped, is wrong only where it should always run.
 */
export function describeFault(before: UnitState, after: UnitState): string | undefined {
  const { ActiveState, SubState, Result, Restart, NRestarts } = after;
  if (ActiveState === 'failed') return `failed (${Result})`;
  if (SubState === 'auto-restart') return `ended and waits for its restart (${Result})`;
  if (Number(NRestarts) > Number(before.NRestarts))
    return `ended and was restarted ${NRestarts} times`;
  return ActiveState === 'inactive' && Restart === 'always' ? 'is stopped' : undefined;
}
