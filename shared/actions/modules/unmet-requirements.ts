import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import { listSome } from '../../base/list-some.ts';
import {
  parseConstraint,
  type WantedCapability,
  wantedCapability,
} from '../../composition/index.ts';
import { isKnownTo, type Module, splitProvided, type Version } from '../../domain/modules/index.ts';
import { commonAccount } from '../../domain/templates/index.ts';
import {
  type ManifestRequirement,
  type ModuleManifest,
  parseRequirement,
  requiredName,
} from '../../manifest/index.ts';
import { allVersions, getModule, listProviders } from '../../store/modules/index.ts';
import type { Services } from '../context/index.ts';

/** A requirement of a manifest that no version meets now. */
interface Unmet {
  path: string;
  message: string;
}

/**
 * Finds the requirements that nothing meets: no module or capability has the name, or no version
 * is in the range. They are no errors, because the other module may come later.
 */
export async function unmetRequirements(
  services: Services,
  own: string,
  { dependencies }: Pick<ModuleManifest, 'dependencies'>,
): Promise<Unmet[]> {
  const found = await mapConcurrently(
    [...dependencies.requires.entries()],
    limits.validateReadsAtOnce,
    async ([index, text]) => {
      const why = await whyUnmet(services, own, parseRequirement(text));
      return why === null ? [] : [{ path: `dependencies.requires[${index}]`, message: why }];
    },
  );

  return found.flat();
}

async function whyUnmet(
  services: Services,
  own: string,
  requirement: ManifestRequirement,
): Promise<string | null> {
  const { constraint } = requirement;
  const wanted = wantedCapability(requiredName(requirement), constraint);
  if (requirement.kind === 'capability') {
    if (await isProvided(services, own, wanted)) return null;
    return `expected a module of ${own} or ${commonAccount} that provides ${wanted.capability}${constraint === '*' ? '' : ` in ${constraint}`}, found none; register it before this version is promoted`;
  }

  const { account, module } = requirement;
  const accounts = account === null ? [own, commonAccount] : [account];
  const places = await Promise.all(accounts.map((one) => getModule(services.db, one, module)));
  const rows = places.filter((row) => row !== null && isVisible(row, own)) as Module[];

  if (rows.length === 0) {
    if (account === null && (await isProvided(services, own, wanted))) return null;
    return `expected a module or capability "${module}" of ${accounts.join(' or ')}, found none; register it before this version is promoted`;
  }

  const versions = (
    await Promise.all(rows.map((row) => usableVersions(services, own, row)))
  ).flat();
  const known = versions.map(({ version_string }) => version_string);
  if (known.some(parseConstraint(constraint).allows)) return null;
  return `expected a version of ${module} in ${constraint}, found ${listSome(known) || 'none'}`;
}

function isVisible({ account, visibility }: Module, own: string): boolean {
  return account === own || visibility === 'public';
}

/** Of another account's module only what was live: no other version is shown to others. */
async function usableVersions(
  services: Services,
  own: string,
  { account, name }: Pick<Module, 'account' | 'name'>,
): Promise<Version[]> {
  const versions = await allVersions(services.db, account, name);
  return versions.filter(
    (version) =>
      version.promotion_state !== 'retired' &&
      !version.quarantined &&
      !version.held &&
      isKnownTo(own, version),
  );
}

/** Whether a module of the account or of the common account provides a capability. */
async function isProvided(
  services: Services,
  own: string,
  wanted: WantedCapability,
): Promise<boolean> {
  for (const account of new Set([own, commonAccount])) {
    for (const name of await listProviders(services.db, account, wanted.capability)) {
      const module = await getModule(services.db, account, name);
      if (module === null || !isVisible(module, own)) continue;

      const versions = await usableVersions(services, own, module);
      const provides = versions.some((version) =>
        wanted.isMetBy(
          { ...version, standing: 'offered' },
          version.manifest.dependencies.provides.map(splitProvided),
        ),
      );
      if (provides) return true;
    }
  }
  return false;
}
