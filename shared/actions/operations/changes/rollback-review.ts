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

/**
 * Asks reviewers about a rollback that was applied without them. Their approval closes it. A
 * rejection changes nothing either: it leaves the decision to an operator, because machines must
 * not go back and forth automatically.
 */
export const rollbackReview: ChangeKind<'rollback_review', Version> = {
  action: () => 'module_rollback',

  async policy(_, inForce) {
    const policy = await inForce('module_rollback');
    return { ...policy, decision: 'require_approval', freeze_windows: [] };
  },

  read: (services, account, { version_id }) => requireVersion(services, account, version_id),
  check: () => {},

  summary: ({ module }, { version_string }) =>
    `confirm the rollback of ${module} ${version_string}, which is applied already`,

  review({ reason }, version) {
    const warning = 'The rollback is applied already. A rejection moves nothing back.';
    return {
      facts: [...versionFacts(null, version), ...stateFact('reason', reason)],
      warnings: [warning],
    };
  },

  tried: noTemplate,
  affected: noTemplate,
  view: sameView,
  instance: sameInstance,

  writes({ operation, change, rows: version, at }) {
    return [
      versionEvent(version, { actor: operation.requested_by, at }, 'rollback_confirmed', {
        version: version.version_string,
        rollback_id: change.rollback_id,
        operation_id: operation.id,
      }),
    ];
  },

  follow: nothingFollows,
};
