import type { Version } from '../../../domain/modules/index.ts';
import { versionEvent } from '../../../store/modules/index.ts';
import { requireVersion } from '../../modules/index.ts';
import {
  type ChangeKind,
  noTemplate,
  nothingFollows,
  sameInstance,
  sameView,
} from './change-kind.ts';
import { stateFact, versionFacts } from './review-text.ts';
import { usersOfTarget } from './version-rollback.ts';

interface Rows {
  /** The version that is held. */
  bad: Version;
  /** The version that is live again. */
  target: Version;
}

/**
 * Asks reviewers about a rollback that was applied without them. Their approval closes it. A
 * rejection changes nothing either: it leaves the decision to an operator, because machines must
 * not go back and forth automatically.
 */
export const rollbackReview: ChangeKind<'rollback_review', Rows> = {
  action: () => 'module_rollback',

  async policy(_, inForce) {
    const policy = await inForce('module_rollback');
    return { ...policy, decision: 'require_approval', freeze_windows: [] };
  },

  async read(services, account, { version_id, to_version_id }) {
    const [bad, target] = await Promise.all([
      requireVersion(services, account, version_id),
      requireVersion(services, account, to_version_id),
    ]);
    return { bad, target };
  },

  check: () => {},

  summary: ({ module }, { bad, target }) =>
    `confirm the rollback of ${module} ${bad.version_string} to ${target.version_string}, which is applied already`,

  review({ reason }, { bad, target }) {
    const warning = 'The rollback is applied already. A rejection moves nothing back.';
    return {
      facts: [...versionFacts(bad, target), ...stateFact('reason', reason)],
      warnings: [warning],
    };
  },

  /** Nothing is composed again, so a composition that fails cannot delay the confirmation. */
  tried: noTemplate,
  reviewed: usersOfTarget,
  appliedBy: ({ rollback_id }) => rollback_id,
  affected: noTemplate,
  view: sameView,
  instance: sameInstance,

  writes({ operation, change, rows: { bad }, at }) {
    return [
      versionEvent(bad, { actor: operation.requested_by, at }, 'rollback_confirmed', {
        version: bad.version_string,
        rollback_id: change.rollback_id,
        operation_id: operation.id,
      }),
    ];
  },

  follow: nothingFollows,
};
