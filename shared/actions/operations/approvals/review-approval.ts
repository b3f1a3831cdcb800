import { mapConcurrently } from '../../../base/concurrency.ts';
import { isGantryError } from '../../../base/error.ts';
import { limits } from '../../../base/limits/index.ts';
import {
  type Approval,
  approvalsCounted,
  type Change,
  freezeAt,
  type Operation,
  type Review,
  type ReviewedChange,
  type ReviewedTemplate,
  reviewPrivileges,
  warnUnshown,
} from '../../../domain/operations/index.ts';
import { countInstances } from '../../../store/machines/index.ts';
import { getVersion } from '../../../store/modules/index.ts';
import type { Services } from '../../context/index.ts';
import { requireTemplate } from '../../templates/index.ts';
import { kindOf } from '../changes/index.ts';
import { findingsOf } from '../found-actions.ts';
import { policyOfOperation } from '../operation-policy.ts';
import { requireApproval, requireOperation } from '../require-operation.ts';
import { reviewedTracks } from '../template-plan.ts';
import { reviewedPrivileges } from '../trial-privileges.ts';
import { reviewMoves } from './review-moves.ts';
import { presentReviewers } from './reviewers.ts';
import { contentOf } from './version-content.ts';

/** An approval of the account, and what reviewers judge it by. Throws `not_found`. */
export async function showApproval(
  services: Services,
  account: string,
  id: string,
): Promise<{ approval: Approval; review: Review }> {
  const approval = await requireApproval(services, account, id);
  const operation = await requireOperation(services, account, approval.operation_id);
  return { approval, review: await reviewApproval(services, approval, operation) };
}

/**
 * What reviewers judge a request by, from the rows as they are now. What cannot be read any more is
 * left out with a warning, so that a request can always be rejected.
 */
export async function reviewApproval(
  services: Services,
  approval: Approval,
  operation: Operation,
): Promise<Review> {
  const [changes, moves, privileges, found] = await Promise.all([
    mapConcurrently(operation.changes.slice(0, limits.reviewedChangesMax), 4, (change) =>
      reviewChange(services, approval.account, change),
    ),
    reviewMoves(services, operation),
    reviewedPrivileges(services, findingsOf(operation)),
    affectedTemplatesOf(services, operation),
  ]);

  const reviewers = await presentReviewers(services, operation, approval);
  const { warnings, ...affected } = found;
  const frozen = await warnFreeze(services, operation);
  return {
    requester: approval.requester,
    warnings: [...warnUnshown(operation.changes.length), ...moves.warnings, ...warnings, ...frozen],
    votes: {
      approvals: approvalsCounted(approval, approval, reviewers),
      quorum: approval.quorum,
    },
    changes: [...changes, ...moves.changes, ...reviewPrivileges(privileges)],
    ...affected,
    machines: affected.templates.reduce((sum, { machines }) => sum + machines, 0),
    confirmation: await confirmationOf(services, approval, operation),
  };
}

/**
 * What a reviewer without sign-in types to decide: the version that the request promotes or updates
 * to, else the last characters of the request's id. A program that fills in forms does not know it.
 */
export async function confirmationOf(
  services: Services,
  { account, id }: Approval,
  { changes }: Operation,
): Promise<string> {
  const [change, second] = changes;
  const brought =
    change === undefined || second !== undefined
      ? undefined
      : kindOf(change).brings?.(change, account);
  if (brought === undefined) return id.slice(-6);

  const version = await getVersion(services.db, brought.account, brought.version_id);
  return version?.version_string ?? id.slice(-6);
}

async function reviewChange(
  services: Services,
  account: string,
  change: Change,
): Promise<ReviewedChange> {
  try {
    const rows = await kindOf(change).read(services, account, change);
    const content = await contentOf(services, kindOf(change).brings?.(change, account));
    return { kind: change.kind, ...kindOf(change).review(change, rows), content };
  } catch (error) {
    if (!isGantryError(error)) throw error;
    const warnings = [`This change cannot be shown in full: ${error.message}.`];
    return { kind: change.kind, facts: [], warnings, content: null };
  }
}

/** A request is approved after a freeze, not in it. */
async function warnFreeze(services: Services, operation: Operation): Promise<string[]> {
  const { freeze_windows } = await policyOfOperation(services, operation);
  const freeze = freezeAt(freeze_windows, services.now());
  if (freeze === null) return [];
  const end = freeze.ends_at === null ? 'a change of the policy' : freeze.ends_at;
  return [`A freeze is in force. This can be rejected now, and approved after ${end}.`];
}

/**
 * The templates that the changes are checked against. If they cannot be found, or are too many by
 * now, a warning says so, so that the request can still be rejected.
 */
async function affectedTemplatesOf(
  services: Services,
  operation: Operation,
): Promise<Pick<Review, 'templates' | 'more_templates' | 'warnings'>> {
  try {
    return { ...(await reviewTemplates(services, operation)), warnings: [] };
  } catch (error) {
    if (!isGantryError(error)) throw error;
    const warning = `The templates that this affects cannot be shown: ${error.message}.`;
    return { templates: [], more_templates: 0, warnings: [warning] };
  }
}

async function reviewTemplates(
  services: Services,
  operation: Operation,
): Promise<{ templates: ReviewedTemplate[]; more_templates: number }> {
  const { account } = operation;
  const template_tracks = await reviewedTracks(services, operation);
  const shown = template_tracks.slice(0, limits.reviewedListMax);

  const templates = await mapConcurrently(
    shown,
    limits.storeReadsAtOnce,
    async ({ template_id, track }) => {
      const { name } = await requireTemplate(services, account, template_id);
      const machines = await countInstances(services.db, { account, template_id, track });
      return { template_id, name, track, machines };
    },
  );

  return { templates, more_templates: template_tracks.length - shown.length };
}
