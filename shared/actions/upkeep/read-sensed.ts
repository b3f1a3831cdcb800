import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import type { Instance, InstanceReport } from '../../domain/machines/index.ts';
import type { Module, Version } from '../../domain/modules/index.ts';
import type { Approval, Operation } from '../../domain/operations/index.ts';
import type { Repository } from '../../domain/poll/index.ts';
import { tracks } from '../../domain/templates/index.ts';
import {
  evidenceFor,
  type PolledModule,
  type SensorName,
  type SensorRows,
  type StagedVersion,
  sensors,
} from '../../domain/upkeep/index.ts';
import { getCompositionFailure } from '../../store/compose/index.ts';
import { eachInstance } from '../../store/machines/index.ts';
import { eachModule, getVersion, versionIdsIn } from '../../store/modules/index.ts';
import { getOperation, openApprovals, recentOperations } from '../../store/operations/index.ts';
import { readRepositories } from '../../store/poll/index.ts';
import type { Db } from '../../store/table/index.ts';
import { eachTemplate } from '../../store/templates/index.ts';
import type { Services } from '../context/index.ts';

/** What several sensors of one account read, each part at most once. */
interface Seen {
  services: Services;
  account: string;
  /** Machines that a sensor warns of: an account may have more machines than fit into memory. */
  waiting: () => Promise<Instance[]>;
  pending: () => Promise<Approval[]>;
}

/** The rows that each sensor judges. */
const readers: {
  readonly [Name in SensorName]: (seen: Seen) => Promise<SensorRows[Name][]>;
} = {
  module_promotion_sensor: readStaged,
  poll_sensor: readPolled,
  approval_sensor: ({ pending }) => pending(),
  machine_sensor: ({ waiting }) => waiting(),
  template_sensor: readFailures,
  desired_state_sensor: ({ waiting }) => waiting(),
};

/** Reads the rows of a sensor of an account. Sensors that read the same rows share them. */
export type SensedReader = <Name extends SensorName>(sensor: Name) => Promise<SensorRows[Name][]>;

export function readerOf(services: Services, account: string): SensedReader {
  const { db } = services;
  const seen: Seen = {
    services,
    account,
    waiting: once(() => keepWaiting(eachInstance(db, account), services.now())),
    pending: once(() => openApprovals(db, account)),
  };

  return (sensor) => readers[sensor](seen);
}

function once<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let reading: Promise<Value> | undefined;
  return () => {
    reading ??= read();
    return reading;
  };
}

/** The machines that a sensor finds something about. */
export async function keepWaiting(
  machines: AsyncIterable<Instance>,
  now: Date,
): Promise<Instance[]> {
  const { machine_sensor, desired_state_sensor } = sensors;
  const found: Instance[] = [];
  for await (const machine of machines) {
    if (machine_sensor.judge(machine, now) ?? desired_state_sensor.judge(machine, now))
      found.push(machine);
  }

  return found;
}

async function readStaged(seen: Seen): Promise<StagedVersion[]> {
  const { services, account } = seen;
  const versions = await stagedVersions(services, account);
  if (versions.length === 0) return [];

  const waiting = new Set((await pendingOperations(seen)).flatMap(versionsOf));
  const requested = await lastRequests(services, account);
  const reports = await keepReports(eachInstance(services.db, account), versions);

  return versions.map((version) => {
    const digests = new Set(version.builds.map(({ composefs_digest }) => composefs_digest));
    return {
      version,
      requested_at: requested.get(version.id) ?? null,
      awaiting: waiting.has(version.id),
      evidence: evidenceFor(version.module, digests, reports),
    };
  });
}

/** The reports of machines that run one of the versions. */
export async function keepReports(
  machines: AsyncIterable<Instance>,
  versions: readonly Pick<Version, 'builds'>[],
): Promise<InstanceReport[]> {
  const digests = new Set(
    versions.flatMap(({ builds }) => builds.map(({ composefs_digest }) => composefs_digest)),
  );

  const found: InstanceReport[] = [];
  for await (const { state, report } of machines) {
    if (state !== 'enrolled' || report === null) continue;
    if (Object.values(report.running_module_digests).some((digest) => digests.has(digest)))
      found.push(report);
  }

  return found;
}

/** The modules that are polled, and whose versions may be promoted. */
async function modulesInUse(db: Db, account: string): Promise<Module[]> {
  return (await Array.fromAsync(eachModule(db, account))).filter(({ archived }) => !archived);
}

async function stagedVersions({ db }: Services, account: string): Promise<Version[]> {
  const ids: string[] = [];
  for (const { name } of await modulesInUse(db, account))
    ids.push(...(await versionIdsIn(db, account, name, ['staging'])));

  // The rows are read consistently, because the index may show a state late.
  const rows = await mapConcurrently(ids, limits.storeReadsAtOnce, (id) =>
    getVersion(db, account, id),
  );
  return rows.filter((row) => row !== null);
}

async function pendingOperations({ services, account, pending }: Seen): Promise<Operation[]> {
  const rows = await mapConcurrently(await pending(), limits.storeReadsAtOnce, (approval) =>
    getOperation(services.db, account, approval.operation_id),
  );
  return rows.filter((row) => row !== null);
}

/** Operations that one query reads. */
const operationsReadSize = 1000;

/**
 * When an operation that names a version was last requested, by version. Older requests than
 * `stagingIdleMs` stop no warning, so they are not read.
 */
async function lastRequests(services: Services, account: string): Promise<Map<string, string>> {
  const after = new Date(services.now().getTime() - limits.stagingIdleMs).toISOString();
  const found = new Map<string, string>();

  for (let before = ''; ; ) {
    const page = await recentOperations(services.db, account, operationsReadSize, before);
    for (const operation of page) {
      for (const id of versionsOf(operation)) {
        if (!found.has(id)) found.set(id, operation.created_at);
      }
    }

    const last = page.at(-1);
    if (last === undefined || page.length < operationsReadSize || last.created_at < after)
      return found;
    before = last.id;
  }
}

/** The versions that an operation is about. */
function versionsOf({ changes }: Operation): string[] {
  return changes.flatMap((change) => ('version_id' in change ? [change.version_id] : []));
}

async function readPolled({ services, account }: Seen): Promise<PolledModule[]> {
  const modules = await modulesInUse(services.db, account);
  const names = modules.map(({ name }) => name);
  const polls = await readRepositories(services.db, account, names);

  return modules.map((module) => polledModule(module, polls.get(module.name) ?? null));
}

/** A module that comes back from the archive has a poll state as new as its last change. */
export function polledModule(
  { name: module, created_at, updated_at }: Module,
  poll: Repository | null,
): PolledModule {
  const unpolled = poll !== null && poll.succeeded_at === null;
  return { module, polled_since: unpolled ? updated_at : created_at, poll };
}

async function readFailures({
  services: { db },
  account,
}: Seen): Promise<SensorRows['template_sensor'][]> {
  const templates = await Array.fromAsync(eachTemplate(db, account));
  const found = await mapConcurrently(templates, limits.storeReadsAtOnce, ({ id, name }) =>
    Promise.all(
      tracks.map(async (track) => {
        const failure = await getCompositionFailure(db, account, id, track);
        return failure === null ? [] : [{ ...failure, template: name }];
      }),
    ),
  );
  return found.flat(2);
}
