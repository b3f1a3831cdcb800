export const verifyEvents = {
  'gantry.candidate.found': {
    subject: 'version/<id>',
    when: 'A poll found a new digest.',
    data: ['module', 'digest', 'tag'],
  },
  'gantry.candidate.awaiting_signature': {
    subject: 'version/<id>',
    when: 'A candidate has no signature yet. Gantry checks again.',
    data: ['module', 'digest', 'code', 'message'],
  },
  'gantry.candidate.verified': {
    subject: 'version/<id>',
    when: 'The signatures of a candidate satisfy the policy. Ingest is next.',
    data: ['module', 'digest'],
  },
  'gantry.candidate.rejected': {
    subject: 'version/<id>',
    when: 'A candidate was rejected. `code` says why.',
    data: ['module', 'digest', 'code', 'message'],
  },
} as const;
