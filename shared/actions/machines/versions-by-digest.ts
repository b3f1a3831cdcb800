import { limits } from '../../base/limits/index.ts';
import type { DigestVersions, VersionsByDigest } from '../../domain/machines/index.ts';
import { type Version, withheldReason } from '../../domain/modules/index.ts';
import { splitModule } from '../../domain/templates/index.ts';
import { getModule, listVersions } from '../../store/modules/index.ts';
import type { Services } from '../context/index.ts';

/**
 * The versions of a module by composefs digest, newest first; none if the account may not see the
 * module.
 * @param module as machines report it: any name
 */
export async function readVersionsByDigest(
  services: Services,
  own: string,
  module: string,
): Promise<VersionsByDigest> {
  const { account, name } = splitModule(module, own);
  // Agents may report any name, but an empty part cannot be a key of the table.
  if (account === '' || name === '') return new Map();

  const row = await getModule(services.db, account, name);
  if (row === null || (account !== own && row.visibility !== 'public')) return new Map();

  const of = { account, module: name };
  return byDigest(visible(own, await listVersions(services.db, of, limits.fleetVersionsRead)));
}

/** Other accounts see only released versions of a module. */
export function visible(own: string, versions: readonly Version[]): Version[] {
  return versions.filter(
    ({ account, promotion_state }) =>
      account === own || ['blessed', 'live', 'retired'].includes(promotion_state),
  );
}

/** Content is withheld if every version that has it is: to a machine, equal versions are one. */
export function byDigest(versions: readonly Version[]): VersionsByDigest {
  const known = new Map<string, DigestVersions>();
  for (const version of versions) {
    const reason = withheldReason(version);
    for (const digest of new Set(version.builds.map(({ composefs_digest }) => composefs_digest))) {
      const found = known.get(digest);
      const withheld = found === undefined ? reason : found.withheld && reason && found.withheld;
      known.set(digest, {
        versions: [...(found?.versions ?? []), version.version_string],
        withheld,
      });
    }
  }

  return known;
}
