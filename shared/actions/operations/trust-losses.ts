import { mapConcurrently } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import {
  type Module,
  type ModuleChanges,
  type Version,
  withModuleChanges,
} from '../../domain/modules/index.ts';
import {
  type Change,
  chooseJudged,
  describeLosses,
  type TrustLoss,
  type TrustLosses,
} from '../../domain/operations/index.ts';
import { tracks } from '../../domain/templates/index.ts';
import { readVersions } from '../../store/modules/index.ts';
import type { Services } from '../context/index.ts';
import { requireModule, usesOfModule, type VersionUse } from '../modules/index.ts';
import {
  readStoredSignatures,
  verifiedArtifact,
  verifySignaturesUncached,
} from '../signatures/index.ts';

/**
 * The versions that re-verification would quarantine if a registration were changed, with the
 * compositions that use them. The stored signatures decide; the registry, which re-verification
 * asks as well, may have others. Versions that are quarantined already do not count.
 */
export async function readTrustLosses(
  services: Services,
  module: Module,
  set: ModuleChanges,
): Promise<TrustLosses> {
  const { account, name } = module;
  const [versions, uses] = await Promise.all([
    readVersions(services.db, account, name),
    usesOfModule(services, account, { module: name, tracks }),
  ]);
  const all = versions.filter(isHandedOut);
  const used = new Set(uses.map(({ version_id }) => version_id));
  const judged = chooseJudged(all, used, limits.trustLossesJudgedMax);

  const next = withModuleChanges(module, set);
  const found = await mapConcurrently(judged, limits.storeReadsAtOnce, (one) =>
    lossOf(services, next, one),
  );

  const losses = found.filter((loss) => loss !== null);
  return {
    losses: losses.map((loss) => ({ ...loss, uses: usesOf(loss.version_id, uses) })),
    not_judged: all.length - judged.length,
  };
}

/**
 * Throws `in_use` for a change of a registration that nobody is asked about and that would
 * quarantine what compositions use, unless the change says so by name.
 */
export async function refuseSilentQuarantine(
  services: Services,
  account: string,
  change: Change<'module_update'>,
): Promise<void> {
  if (change.quarantines === true || change.loosens_trust) return;

  const module = await requireModule(services, account, change.module);
  const next = withModuleChanges(module, change.set);
  if (next.policy_version === module.policy_version) return;

  const { losses } = await readTrustLosses(services, module, change.set);
  const used = losses.filter(({ uses }) => uses.length > 0);
  if (used.length === 0) return;

  throw new GantryError(
    'in_use',
    `${describeLosses(change.module, used)}; see all with --dry-run; if the registry has other signatures of them, or to quarantine them, name that (--quarantine)`,
    { field: 'quarantine', found: used.map(({ version }) => version) },
  );
}

/** Whether re-verification would quarantine a version that does not verify. */
function isHandedOut({ promotion_state, quarantined }: Version): boolean {
  return ['staging', 'blessed', 'live'].includes(promotion_state) && !quarantined;
}

async function lossOf(
  services: Services,
  next: Module,
  version: Version,
): Promise<Omit<TrustLoss, 'uses'> | null> {
  const stored = await readStoredSignatures(services, version.stored_signatures_key);
  const verdict = await verifySignaturesUncached(services, next, verifiedArtifact(version), stored);
  if (verdict.verified) return null;

  const { id: version_id, version_string, promotion_state } = version;
  const { code, message } = verdict;
  return { version_id, version: version_string, promotion_state, code, message };
}

function usesOf(id: string, uses: readonly VersionUse[]): TrustLoss['uses'] {
  return uses
    .filter(({ version_id }) => version_id === id)
    .map(({ template_id, template, track, machines }) => ({
      template_id,
      template,
      track,
      machines,
    }));
}
