export const verifyEvents = {
  'gantry.candidate.found': {
    subject: 'version/<id>',
    when: 'Poll found a digest that was not known.',
    data: ['module', 'digest', 'tag'],
  },
  'gantry.candidate.awaiting_signature': {
    subject: 'version/<id>',
    when: 'It has no signature yet, and is asked again.',
    data: ['module', 'digest', 'code', 'message'],
  },
  'gantry.candidate.verified': {
    subject: 'version/<id>',
    when: 'A signature satisfies the policy; ingest comes next.',
    data: ['module', 'digest'],
  },
  'gantry.candidate.rejected': {
    subject: 'version/<id>',
    when: 'It does not get through; the code says why.',
    data: ['module', 'digest', 'code', 'message'],
  },
} as const;
