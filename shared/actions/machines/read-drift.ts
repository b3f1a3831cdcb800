import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import {
  type DriftReport,
  driftOf,
  type ModuleDrift,
  unknownDigest,
} from '../../domain/machines/index.ts';
import type { WithheldReason } from '../../domain/modules/index.ts';
import type { Services } from '../context/index.ts';
import { requireInstance } from './require-instance.ts';
import { readVersionsByDigest } from './versions-by-digest.ts';

/** A module of a machine, with the versions that have its digests: several have equal content. */
interface NamedDrift extends ModuleDrift {
  desired_versions: string[];
  running_versions: string[];
  /** Why machines that lack the content do not get it: see `DigestVersions`. */
  desired_withheld: WithheldReason | null;
  running_withheld: WithheldReason | null;
}

/** Compares what a machine runs with its desired state. Throws `not_found`. */
export async function readDrift(
  services: Services,
  { account }: Caller,
  id: string,
): Promise<DriftReport & { modules: NamedDrift[] }> {
  const report = driftOf(await requireInstance(services, account, id), services.now());
  // A machine may report any number of modules that do not exist.
  const named = report.modules.slice(0, limits.namedModulesMax);
  const known = await mapConcurrently(named, limits.storeReadsAtOnce, ({ module }) =>
    readVersionsByDigest(services, account, module),
  );

  const modules = report.modules.map((row, at) => {
    const of = (digest: string | null) => known[at]?.get(digest ?? '') ?? unknownDigest;
    const [desired, running] = [of(row.desired), of(row.running)];
    return {
      ...row,
      desired_versions: desired.versions,
      running_versions: running.versions,
      desired_withheld: desired.withheld,
      running_withheld: running.withheld,
    };
  });
  return { ...report, modules };
}
