import { mapConcurrently } from '../../../base/concurrency.ts';
import { limits } from '../../../base/limits/index.ts';
import type { GroupedMove } from '../../../domain/compose/index.ts';
import type { Version } from '../../../domain/modules/index.ts';
import {
  type Operation,
  type ReviewedChange,
  warnUnshown,
} from '../../../domain/operations/index.ts';
import { splitModule } from '../../../domain/templates/index.ts';
import { getDependency } from '../../../store/compose/index.ts';
import { getVersion } from '../../../store/modules/index.ts';
import type { Services } from '../../context/index.ts';
import { stateFact, versionFacts, warnDowngrade } from '../changes/review-text.ts';
import { readMoves } from '../dependency-moves.ts';
import { findingsOf } from '../found-actions.ts';
import { contentOf } from './version-content.ts';

/** What reviewers judge the versions of other accounts by that an operation brings besides. */
export async function reviewMoves(
  services: Services,
  operation: Operation,
): Promise<{ changes: ReviewedChange[]; warnings: string[] }> {
  const moves = await readMoves(services, findingsOf(operation));
  const changes = await mapConcurrently(moves.slice(0, limits.reviewedChangesMax), 4, (move) =>
    reviewMove(services, operation.account, move),
  );
  return { changes, warnings: warnUnshown(moves.length) };
}

async function reviewMove(
  services: Services,
  own: string,
  move: GroupedMove,
): Promise<ReviewedChange> {
  const { module, version_id, from_version_id: replaces, places } = move;
  const { account } = splitModule(module, own);
  const [version, replaced, refused] = await Promise.all([
    getVersion(services.db, account, version_id),
    replaces === null ? null : getVersion(services.db, account, replaces),
    isRefused(services, own, move),
  ]);

  const kind = 'dependency_update';
  if (version === null) {
    const warnings = [`The version of ${module} that this brings is gone.`];
    return { kind, facts: stateFact('module', module), warnings, content: null };
  }

  return {
    kind,
    facts: [
      ...stateFact('module', module),
      ...versionFacts(replaced, version),
      ...stateFact('tracks of templates', String(places.length)),
    ],
    warnings: warnMove({ module, version, replaced, refused }),
    content: await contentOf(services, { account, version_id, replaces }),
  };
}

/** What a reviewer should know of a version that comes besides what was asked for. */
export function warnMove({
  module,
  version,
  replaced,
  refused,
}: {
  module: string;
  version: Version;
  replaced: Version | null;
  refused: boolean;
}): string[] {
  const found = version.version_string;
  return [
    replaced === null
      ? `This brings ${module} ${found} of another account, which the templates did not have.`
      : `This moves ${module} of another account from ${replaced.version_string} to ${found}.`,
    ...(replaced === null ? [] : warnDowngrade(replaced, version)),
    ...(refused ? [`Reviewers rejected ${module} ${found} before.`] : []),
  ];
}

async function isRefused(
  { db }: Services,
  account: string,
  { module, version_id, places }: GroupedMove,
): Promise<boolean> {
  const rows = await mapConcurrently(
    places.slice(0, limits.reviewedListMax),
    limits.storeReadsAtOnce,
    (place) => getDependency(db, { account, module, ...place }),
  );
  return rows.some((row) => row?.rejected.includes(version_id));
}
