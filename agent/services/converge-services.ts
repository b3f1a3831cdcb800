import { GantryError } from '../../shared/base/error.ts';
import { toGantryError } from '../failure.ts';
import type { AgentPaths } from '../paths.ts';
import { type PlannedService, planServices, type ServiceAction } from './plan-services.ts';
import { prepareRuntime, readStarted, type StartedService, writeStarted } from './runtime.ts';
import { makeServiceDirectories } from './service-directories.ts';
import { addServiceIds } from './service-ids.ts';
import type { MachineService, ServicesRecord } from './services-record.ts';
import { readJournal, readUnits, reloadUnits, restartUnit, stopUnit } from './systemd.ts';
import { UnitFiles } from './unit-files.ts';

/** What differs from what a record asks for, once all was done that can be done. */
export interface Convergence {
  faults: GantryError[];
  /** Units whose new version waits for the next boot. */
  pendingReboot: string[];
  /** Units that were started or restarted. */
  restarted: string[];
}

export interface ConvergeOptions {
  paths: AgentPaths;
  record: ServicesRecord;
  /** Waits until a service that others wait for is healthy. */
  awaitHealthy: (service: MachineService) => Promise<void>;
}

/**
 * Makes the machine's systemd run what a record says: units that are gone stop, in reverse; those
 * that are new or changed restart, in order. What did not change keeps running, and gets the new
 * root when it restarts for another reason. Where it was killed half-way, the next call completes
 * it.
 */
export async function convergeServices(options: ConvergeOptions): Promise<Convergence> {
  const { paths, record } = options;
  await prepareRuntime(paths);
  const files = await UnitFiles.open(paths);
  const started = await findStarted(paths, files);

  const wanted = record.services.map((service) => deferToBoot(service, started));
  const plan = planServices(started, wanted);
  const faults: GantryError[] = [];

  const stops = plan.filter(({ kind }) => kind === 'stop');
  const left = await stopServices(stops, started, { paths, files }, faults);
  const foreign = await writeUnits(files, record.services, faults);

  const restarts = plan.filter(({ kind, unit }) => kind === 'restart' && !foreign.has(unit));
  await restartServices(restarts, left, options, faults);

  return {
    faults,
    pendingReboot: record.services
      .filter(({ unit, digest }, index) => !foreign.has(unit) && wanted[index]?.digest !== digest)
      .map(({ unit }) => unit),
    restarted: restarts.map(({ unit }) => unit),
  };
}

/** A service that only a boot may change counts as unchanged until then. */
function deferToBoot(service: MachineService, started: readonly StartedService[]): PlannedService {
  const before = started.find(({ unit }) => unit === service.unit);
  return service.reboot_required && before !== undefined && before.digest !== ''
    ? { ...service, digest: before.digest }
    : service;
}

/** What was started, and units of this agent whose start was not noted: it was killed between. */
async function findStarted(paths: AgentPaths, files: UnitFiles): Promise<StartedService[]> {
  const started = await readStarted(paths);
  const noted = new Set(started.map(({ unit }) => unit));
  const unnoted = (await files.list()).filter((unit) => !noted.has(unit));
  return [...started, ...unnoted.map((unit) => ({ unit, digest: '', after: [] }))];
}

async function stopServices(
  stops: readonly ServiceAction[],
  started: readonly StartedService[],
  { paths, files }: { paths: AgentPaths; files: UnitFiles },
  faults: GantryError[],
): Promise<StartedService[]> {
  let left = [...started];
  for (const { unit } of stops) {
    try {
      const [state] = await readUnits([unit]);
      if (await files.mayStop(unit, state)) await stopUnit(unit);
      await files.remove(unit);
      left = left.filter((one) => one.unit !== unit);
      await writeStarted(paths, left);
    } catch (thrown) {
      // It is noted as started, so the next tick stops it again.
      faults.push(await serviceFailedError(unit, 'did not stop', thrown));
    }
  }

  if (stops.length > 0) await reloadUnits();
  return left;
}

/** Writes the units that differ. Returns those that are not this agent's to write. */
async function writeUnits(
  files: UnitFiles,
  services: readonly MachineService[],
  faults: GantryError[],
): Promise<Set<string>> {
  const foreign = new Set<string>();
  const states = await readUnits(services.map(({ unit }) => unit));
  let isChanged = states.some(({ NeedDaemonReload }) => NeedDaemonReload === 'yes');

  for (const [index, { unit, text }] of services.entries()) {
    try {
      await files.requireOwn(unit, states[index]);
      isChanged = (await files.write(unit, text)) || isChanged;
      isChanged = (await files.hideDropIns(unit, states[index])) || isChanged;
    } catch (thrown) {
      foreign.add(unit);
      faults.push(toGantryError(thrown, `The unit ${unit} could not be written`));
    }
  }

  if (isChanged) await reloadUnits();
  return foreign;
}

async function restartServices(
  restarts: readonly ServiceAction[],
  started: readonly StartedService[],
  { paths, record, awaitHealthy }: ConvergeOptions,
  faults: GantryError[],
): Promise<void> {
  let noted = [...started];
  const known = new Map(record.services.map((service) => [service.unit, service]));

  for (const { unit } of restarts) {
    const service = known.get(unit) as MachineService;
    for (const earlier of service.after_healthy) {
      const other = known.get(earlier);
      if (other !== undefined) await awaitHealthy(other);
    }

    try {
      await makeServiceDirectories({ ...paths, run: record.run }, service.directories);
      await addServiceIds(service);
      await restartUnit(unit);
    } catch (thrown) {
      faults.push(await serviceFailedError(unit, 'did not start', thrown));
    }

    // A failed start is noted too: only a change starts it again, besides systemd itself.
    const { digest, after } = service;
    noted = [...noted.filter((one) => one.unit !== unit), { unit, digest, after }];
    await writeStarted(paths, noted);
  }
}

/** Stops all services of this agent, in reverse. */
export async function stopAllServices(paths: AgentPaths): Promise<void> {
  await convergeServices({
    paths,
    record: { root: '', run: '', services: [], modules: [], probes: [] },
    awaitHealthy: async () => undefined,
  });
}

/**
 * Requires that no unit of these names is the machine's or another agent's.
 *
 * @throws `unit_foreign`
 */
export async function requireOwnUnits(paths: AgentPaths, units: readonly string[]): Promise<void> {
  const files = await UnitFiles.open(paths);
  const states = await readUnits(units);
  for (const [index, unit] of units.entries()) await files.requireOwn(unit, states[index]);
}

export async function serviceFailedError(
  unit: string,
  what: string,
  cause?: unknown,
): Promise<GantryError> {
  // It says more than the journal of a unit that systemd has not started.
  if (cause instanceof GantryError) return cause;

  const lines = await readJournal(unit);
  const why = lines === '' ? '' : `: ${lines}`;
  return new GantryError('service_failed', `${unit} ${what}${why}.`, { field: unit, cause });
}
