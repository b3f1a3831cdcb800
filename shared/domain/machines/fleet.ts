import { compareBytes } from '../files/index.ts';
import type { WithheldReason } from '../modules/index.ts';
import type { Track } from '../templates/index.ts';
import { type DriftReason, driftOf, driftReasons, moduleDrifts, type Standing } from './drift.ts';
import type { Instance } from './instance.ts';

/** The number of machines, and how many of them have drifted, are pending or silent. */
export type Drifted = { instances: number } & Record<Exclude<Standing, 'in_sync'>, number>;

/**
 * How many machines should run a digest, how many report that they run it, and how many do both.
 */
export interface DigestCount {
  /** `sha256:<hex>`: a composefs digest. */
  digest: string;
  desired: number;
  running: number;
  matching: number;
}

/** The versions of a module with one composefs digest: several where they have equal content. */
export interface DigestVersions {
  /** Newest first; none if no known version has it. */
  versions: string[];
  /** Why machines that lack it do not get it; null if they do, or if no known version has it. */
  withheld: WithheldReason | null;
}

export interface ModuleCount {
  /** Bare for the account's own, `<account>/<name>` for another's. */
  module: string;
  desired: number;
  running: number;
  /**
   * Drifted machines that should run it and do not, or run it and should not, or run another digest
   * of it.
   */
  drifted: number;
  /** By digest. */
  digests: (DigestCount & DigestVersions)[];
}

interface FleetTemplate extends Drifted {
  template_id: string;
  /** Null if it was not looked up, or no longer exists. */
  name: string | null;
  /** Tracks that cannot be composed now. Their machines keep their content. */
  composition_failures: { track: Track; code: string; message: string; since: string }[];
}

/**
 * Compares the content that a set of machines runs with what it should run. Groups are sorted by
 * name.
 */
export interface Fleet extends Drifted {
  reasons: Record<DriftReason, number>;
  templates: FleetTemplate[];
  /** A machine counts in each of its clusters; null stands for those in none. */
  clusters: (Drifted & { cluster: string | null })[];
  tracks: (Drifted & { track: Track })[];
  /** By the one digest that names a whole composition. */
  compositions: DigestCount[];
  modules: ModuleCount[];
  /** Some modules or digests are left out of the lists, because there were too many. */
  truncated: boolean;
}

export interface FleetFilter {
  cluster?: string;
  track?: Track;
}

/** The machines to count. Decommissioned machines are never counted. */
export function ofFleet(
  instances: readonly Instance[],
  { cluster, track }: FleetFilter = {},
): Instance[] {
  return instances.filter(
    (instance) =>
      instance.state !== 'decommissioned' &&
      (cluster === undefined || instance.clusters.includes(cluster)) &&
      (track === undefined || instance.track === track),
  );
}

/** Counts the machines that run, and that should run, each digest. */
export function fleetOf(instances: readonly Instance[], now: Date): Fleet {
  return mergeFleets(instances.map((instance) => fleetOfOne(instance, now)));
}

function fleetOfOne(instance: Instance, now: Date): Fleet {
  const report = driftOf(instance, now);
  const count = {
    instances: 1,
    drifted: Number(report.drift),
    pending: Number(report.standing === 'pending'),
    silent: Number(report.standing === 'silent'),
  };
  const clusters = instance.clusters.length === 0 ? [null] : [...new Set(instance.clusters)];

  return {
    ...count,
    reasons: { ...noReasons, [report.reason]: 1 },
    templates: [
      { ...count, template_id: instance.template_id, name: null, composition_failures: [] },
    ],
    clusters: clusters.map((cluster) => ({ ...count, cluster })),
    tracks: [{ ...count, track: instance.track }],
    compositions: digestsOf(report.desired_composition, report.running_composition),
    modules: report.modules.map(({ module, desired, running }) => ({
      module,
      desired: Number(desired !== null),
      running: Number(running !== null),
      drifted: Number(report.drift && desired !== running),
      digests: digestsOf(desired, running).map((digest) => ({ ...digest, ...unknownDigest })),
    })),
    truncated: false,
  };
}

export const unknownDigest: DigestVersions = { versions: [], withheld: null };

function digestsOf(desired: string | null, running: string | null): DigestCount[] {
  const digests = [...new Set([desired, running])].filter((digest) => digest !== null);
  return digests.map((digest) => ({
    digest,
    desired: Number(digest === desired),
    running: Number(digest === running),
    matching: Number(digest === desired && digest === running),
  }));
}

const noReasons = Object.fromEntries(driftReasons.map((reason) => [reason, 0])) as Record<
  DriftReason,
  number
>;

/**
 * Counts of separate sets of machines taken together: merging the pages of a fleet gives the counts
 * of the whole.
 */
export function mergeFleets(fleets: readonly Fleet[]): Fleet {
  const reasons = { ...noReasons };
  for (const fleet of fleets) {
    for (const [reason, count] of Object.entries(fleet.reasons) as [DriftReason, number][])
      reasons[reason] += count;
  }

  const all = <Row>(rowsOf: (fleet: Fleet) => readonly Row[]) => fleets.flatMap(rowsOf);
  return {
    ...sumDrift(fleets),
    reasons,
    templates: groupRows(
      all(({ templates }) => templates),
      ({ template_id }) => template_id,
      (rows, { template_id }) => ({
        ...sumDrift(rows),
        template_id,
        name: rows.find(({ name }) => name !== null)?.name ?? null,
        composition_failures: groupRows(
          rows.flatMap((row) => row.composition_failures),
          ({ track }) => track,
          (_, failure) => failure,
        ),
      }),
    ),
    clusters: groupRows(
      all(({ clusters }) => clusters),
      // No cluster has an empty name.
      ({ cluster }) => cluster ?? '',
      (rows, { cluster }) => ({ ...sumDrift(rows), cluster }),
    ),
    tracks: groupRows(
      all(({ tracks }) => tracks),
      ({ track }) => track,
      (rows, { track }) => ({ ...sumDrift(rows), track }),
    ),
    compositions: groupRows(
      all(({ compositions }) => compositions),
      byDigest,
      mergeDigests,
    ),
    modules: groupRows(
      all(({ modules }) => modules),
      ({ module }) => module,
      mergeModules,
    ),
    truncated: fleets.some(({ truncated }) => truncated),
  };
}

const byDigest = ({ digest }: DigestCount) => digest;

function mergeDigests(rows: readonly DigestCount[], { digest }: DigestCount): DigestCount {
  return {
    digest,
    desired: sum(rows, (row) => row.desired),
    running: sum(rows, (row) => row.running),
    matching: sum(rows, (row) => row.matching),
  };
}

function mergeModules(rows: readonly ModuleCount[], { module }: ModuleCount): ModuleCount {
  return {
    module,
    desired: sum(rows, (row) => row.desired),
    running: sum(rows, (row) => row.running),
    drifted: sum(rows, (row) => row.drifted),
    digests: groupRows(
      rows.flatMap(({ digests }) => digests),
      byDigest,
      (same, first) => ({
        ...mergeDigests(same, first),
        versions: [...new Set(same.flatMap(({ versions }) => versions))].sort(compareBytes),
        withheld: same.find(({ withheld }) => withheld !== null)?.withheld ?? null,
      }),
    ),
  };
}

function sumDrift(rows: readonly Drifted[]): Drifted {
  return {
    instances: sum(rows, (row) => row.instances),
    drifted: sum(rows, (row) => row.drifted),
    pending: sum(rows, (row) => row.pending),
    silent: sum(rows, (row) => row.silent),
  };
}

function sum<Row>(rows: readonly Row[], value: (row: Row) => number): number {
  return rows.reduce((total, row) => total + value(row), 0);
}

function groupRows<Row>(
  rows: readonly Row[],
  key: (row: Row) => string,
  merge: (rows: readonly Row[], first: Row) => Row,
): Row[] {
  const groups = new Map<string, [Row, ...Row[]]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group === undefined) groups.set(key(row), [row]);
    else group.push(row);
  }

  return [...groups]
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([, group]) => merge(group, group[0]));
}

/**
 * Truncates the longest lists, because agents may report any modules and digests. Digests that most
 * machines should run are kept first, then those that most machines run.
 */
export function cutFleet(fleet: Fleet, modulesMax: number, digestsMax: number): Fleet {
  let { truncated } = fleet;
  const cut = <Row extends { desired: number; running: number }>(
    rows: Row[],
    max: number,
  ): Row[] => {
    if (rows.length <= max) return rows;

    truncated = true;
    const kept = new Set(
      rows.toSorted((a, b) => b.desired - a.desired || b.running - a.running).slice(0, max),
    );

    return rows.filter((row) => kept.has(row));
  };

  const modules = cut(fleet.modules, modulesMax).map((row) => ({
    ...row,
    digests: cut(row.digests, digestsMax),
  }));

  return { ...fleet, modules, truncated };
}

/** By composefs digest. */
export type VersionsByDigest = ReadonlyMap<string, DigestVersions>;

/** A machine that says it runs a module. */
export interface Machine {
  instance_id: string;
  name: string;
  template_id: string;
  track: Track;
  clusters: string[];
  /** The module's composefs digest that it runs, and the versions that have it. */
  running: string;
  versions: string[];
  /** The module's composefs digest that it should run; null for none. */
  desired: string | null;
  /** Whether the machine has drifted, and these two differ. */
  drift: boolean;
  standing: Standing;
  health: 'healthy' | 'degraded' | 'unknown';
  reported_at: string;
}

/**
 * The machines that say they run a module (as their account calls it); with `version`, that version
 * of it.
 */
export function machinesRunning(
  instances: readonly Instance[],
  module: string,
  { known, version, now }: { known: VersionsByDigest; version?: string | undefined; now: Date },
): Machine[] {
  return ofFleet(instances).flatMap((instance): Machine[] => {
    const row = moduleDrifts(instance).find((one) => one.module === module);
    const { drift, standing } = driftOf(instance, now);
    const { report } = instance;
    if (report === null || row === undefined || row.running === null) return [];

    const { versions } = known.get(row.running) ?? unknownDigest;
    if (version !== undefined && !versions.includes(version)) return [];

    return [
      {
        instance_id: instance.id,
        name: instance.name,
        template_id: instance.template_id,
        track: instance.track,
        clusters: instance.clusters,
        running: row.running,
        versions,
        desired: row.desired,
        drift: drift && row.desired !== row.running,
        standing,
        health: report.health,
        reported_at: report.at,
      },
    ];
  });
}
