import type { z } from 'zod';
import type { templateAnswer } from '../../shared/contract/templates/index.ts';

type TemplateModule = z.infer<typeof templateAnswer>['modules'][number];

/** What people should know about the version of a module, in one line. */
export function moduleNote({
  track,
  version,
  withheld,
  pinned,
  proposal,
  rejected,
}: TemplateModule): string {
  if (version === null) return `has no version for track ${track}`;

  // A later change may have let in what was proposed or rejected.
  const refused = rejected.filter((one) => one !== version);
  const notes = [
    ...(withheld === null ? [] : [`${withheld.kind}: ${withheld.reason}`]),
    ...(pinned ? ['pinned'] : []),
    ...(proposal === null || proposal.version === version
      ? []
      : [`${proposal.version} proposed by ${proposal.operation_id} (${proposal.state})`]),
    ...(refused.length === 0 ? [] : [`rejected: ${refused.join(', ')}`]),
  ];
  return notes.join('; ');
}
