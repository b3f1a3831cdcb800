import {
  candidateLife,
  type OccurrenceKind,
  type Situation,
  situations,
} from '../../shared/domain/candidates/index.ts';

const situationMeaning: Readonly<Record<Situation, string>> = {
  unknown: 'Gantry has not seen the digest.',
  found: 'A tag names it; its signatures are not verified yet.',
  awaiting_signature: 'It has no signature yet.',
  rejected: 'Its signatures, or its content, are refused; the code says why.',
  untagged: 'Rejected, because its last tag left it: `tag_moved`, `tag_deleted` or `tag_of_build`.',
  verified: 'Its signatures satisfy the policy; ingest comes next.',
  ingested: 'It is a version.',
};

const occurrenceMeaning: Readonly<Record<OccurrenceKind, string>> = {
  tag_seen: 'poll finds a tag that names it',
  tag_left: 'poll finds that a tag of it was deleted or names another digest',
  version_tagged: 'poll finds another tag of a version',
  claimed: 'the schedule, or a worker without room at the registry, claims it',
  signatures_accepted: 'verify: a signature satisfies the policy',
  signatures_missing: 'verify: it has no signature',
  signatures_refused: 'verify: no signature satisfies the policy',
  postponed: 'verify or ingest: the registry, or Gantry, fails',
  policy_changed: 'ingest: the policy changed since it was verified',
  ingest_refused: 'ingest: its content is refused',
  ingested: 'ingest: its bytes are stored and the version is created',
};

const kinds = Object.keys(occurrenceMeaning) as OccurrenceKind[];

/**
 * The life of a candidate, drawn from the table that the platform uses: a diagram and a table of
 * occurrences.
 */
export function candidateLifeReference(): string {
  return [
    '| situation | meaning |',
    '|---|---|',
    ...situations.map((situation) => `| \`${situation}\` | ${situationMeaning[situation]} |`),
    '',
    '```mermaid',
    'stateDiagram-v2',
    ...edges(),
    '```',
    '',
    `| what happens | ${situations.map((situation) => `\`${situation}\``).join(' | ')} |`,
    `|---|${situations.map(() => '---|').join('')}`,
    ...kinds.map((kind) => {
      const cells = situations.map((situation) => cell(situation, kind));
      return `| \`${kind}\`: ${occurrenceMeaning[kind]} | ${cells.join(' | ')} |`;
    }),
    '',
  ].join('\n');
}

function cell(situation: Situation, kind: OccurrenceKind): string {
  const move = candidateLife[situation][kind];
  if (move === null) return '–';
  return move.to
    .map((to) => (to === 'same' || to === situation ? 'stays' : `\`${to}\``))
    .join(' or ');
}

/** One line for each pair of situations, with every occurrence that leads from one to the other. */
function edges(): string[] {
  const ways = new Map<string, OccurrenceKind[]>();
  const cells = situations.flatMap((from) => kinds.map((kind) => ({ from, kind })));

  for (const { from, kind } of cells) {
    const targets = candidateLife[from][kind]?.to ?? [];
    for (const to of targets.filter((target) => target !== 'same' && target !== from)) {
      const way = `${from === 'unknown' ? '[*]' : from} --> ${to}`;
      ways.set(way, [...(ways.get(way) ?? []), kind]);
    }
  }

  return [...ways]
    .map(([way, labels]) => `    ${way}: ${labels.join(', ')}`)
    .concat('    ingested --> [*]');
}
