import type { z } from 'zod';
import type { approvalSchema, showApprovalAnswer } from '../../shared/contract/operations/index.ts';
import { factText, type ListDifference, waitText } from '../../shared/domain/operations/index.ts';
import { colors } from './colors.ts';
import { colorState, formatFields, safe } from './table.ts';

type Approval = z.infer<typeof approvalSchema>;
type Shown = z.infer<typeof showApprovalAnswer>;
type ReviewedChange = Shown['review']['changes'][number];

/** Formats the approvals that count: "1 of 5 approvals". */
export function formatVotes({ approvals, quorum }: Pick<Approval, 'approvals' | 'quorum'>): string {
  return `${approvals} of ${count(quorum, 'approval')}`;
}

/** Formats each decision: who, when, how they were signed in, and what they said. */
export function formatDecisions({ decisions }: Pick<Approval, 'decisions'>): string[] {
  return decisions.map(({ decision, reviewer_email, decided_at, by, signed_in_by, comment }) => {
    const how = `by ${by === 'link' ? 'the mailed link' : 'API'}, signed in by ${signed_in_by.replaceAll('_', ' ')}`;
    const said = comment === null ? '' : `: ${comment}`;
    const at = decided_at.replace(/\.\d+Z$/, 'Z');
    return `${decision === 'approve' ? 'approved' : 'rejected'} by ${reviewer_email} at ${at} (${how})${said}`;
  });
}

/** Formats what reviewers judge a request by. */
export function formatReview({ approval, review }: Shown): string {
  const { templates, more_templates, machines } = review;
  const fields = formatFields([
    ['id', approval.id],
    ['summary', approval.summary],
    ['state', colorState(approval.state)],
    ['approvals', formatVotes(approval)],
    ['waits for', approval.waits_for === null ? null : waitText(approval.waits_for)],
    ['requested by', review.requester],
    ['requested at', approval.created_at],
    ['expires at', approval.expires_at],
    ['operation', approval.operation_id],
  ]);

  const compositions = templates.length + more_templates;
  const affected = [
    compositions === 0
      ? 'affects no machine'
      : `affects ${count(machines, 'machine')} of ${count(compositions, 'composition')}`,
    ...templates.map((one) => `  ${one.name} (${one.track}): ${count(one.machines, 'machine')}`),
    ...(more_templates > 0 ? [`  and ${more_templates} more`] : []),
  ];

  const warnings = review.warnings.map((one) => colors.red(`! ${safe(one)}`)).join('\n');
  const sections = [
    fields,
    warnings,
    formatDecisions(approval).map(safe).join('\n'),
    ...review.changes.map(formatChange),
  ];
  return [...sections, affected.map(safe).join('\n')].filter((one) => one !== '').join('\n\n');
}

function formatChange({ kind, facts, warnings, content }: ReviewedChange): string {
  const lists =
    content === null
      ? []
      : [
          ...formatDifference('files', content.files),
          ...formatDifference('packages', content.packages),
          ...content.manifest.map((fact) => `  manifest, ${factText(fact)}`),
        ];

  return [
    colors.bold(safe(kind)),
    ...warnings.map((one) => colors.red(`! ${safe(one)}`)),
    ...[...facts.map((fact) => `  ${factText(fact)}`), ...lists].map(safe),
  ].join('\n');
}

function formatDifference(name: string, difference: ListDifference): string[] {
  const { added, removed, changed, more } = difference;
  return [
    ...added.map((one) => `  + ${name}: ${one}`),
    ...removed.map((one) => `  - ${name}: ${one}`),
    ...changed.map((one) => `  ~ ${name}: ${one}`),
    ...(more > 0 ? [`  ${name}: ${more} more are not shown`] : []),
  ];
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}
