import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import type { Dependency, TemplateModule } from '../../domain/compose/index.ts';
import { type Version, withheldReason } from '../../domain/modules/index.ts';
import { splitModule, type Track, tracks } from '../../domain/templates/index.ts';
import { getComposition, listDependencies } from '../../store/compose/index.ts';
import { getVersion } from '../../store/modules/index.ts';
import { getOperation } from '../../store/operations/index.ts';
import { listAssignments } from '../../store/templates/index.ts';
import type { Services } from '../context/index.ts';
import { recordInPlace } from './composition-record.ts';

/**
 * The modules of a template on each track that is composed: with the version in place, why it is
 * withheld now, and what is proposed instead. An assigned module without a version is named too.
 */
export async function readTemplateModules(
  services: Services,
  account: string,
  template_id: string,
  only?: Track,
): Promise<TemplateModule[]> {
  const { db } = services;
  const [assignments, dependencies] = await Promise.all([
    listAssignments(db, account, template_id),
    listDependencies(db, account, template_id),
  ]);
  const assigned = assignments.map(({ module }) => module);

  const all = await Promise.all(
    tracks
      .filter((track) => only === undefined || track === only)
      .map((track) =>
        modulesOf(services, { account, template_id, track }, { assigned, dependencies }),
      ),
  );
  return all.flat();
}

async function modulesOf(
  services: Services,
  { account, template_id, track }: { account: string; template_id: string; track: Track },
  { assigned, dependencies }: { assigned: string[]; dependencies: Dependency[] },
): Promise<TemplateModule[]> {
  const composition = await getComposition(services.db, account, template_id, track);
  const record = await recordInPlace(services, composition);
  if (record === null) return [];

  const layers = new Map(record.layers.map((one) => [`${one.account}/${one.module}`, one]));
  const names = [...new Set([...layers.keys(), ...assigned])].sort();

  return mapConcurrently(names, limits.storeReadsAtOnce, async (module) => {
    const layer = layers.get(module);
    const owner = splitModule(module, account).account;
    const version = await findVersion(services, owner, layer?.version_id ?? null);
    const row = dependencies.find((one) => one.track === track && one.module === module);

    return {
      track,
      module,
      version: layer?.version ?? null,
      version_id: layer?.version_id ?? null,
      assigned: assigned.includes(module),
      withheld: version === null ? null : withheldReason(version),
      pinned: layer !== undefined && owner !== account,
      ...(await decidedOf(services, owner, row)),
    };
  });
}

async function decidedOf(
  services: Services,
  owner: string,
  row: Dependency | undefined,
): Promise<Pick<TemplateModule, 'proposal' | 'rejected'>> {
  if (row === undefined) return { proposal: null, rejected: [] };

  const { account, proposal, rejected } = row;
  const [proposed, operation, ...refused] = await Promise.all([
    findVersion(services, owner, proposal?.version_id ?? null),
    proposal === null ? null : getOperation(services.db, account, proposal.operation_id),
    ...rejected.map((id) => findVersion(services, owner, id)),
  ]);

  return {
    proposal:
      proposed === null || operation === null
        ? null
        : {
            version: proposed.version_string,
            operation_id: operation.id,
            state: operation.state,
          },
    rejected: refused.flatMap((version) => version?.version_string ?? []),
  };
}

async function findVersion(
  { db }: Services,
  account: string,
  id: string | null,
): Promise<Version | null> {
  return id === null ? null : getVersion(db, account, id);
}
