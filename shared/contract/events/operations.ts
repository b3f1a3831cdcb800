export const operationsEvents = {
  'gantry.operation.requested': {
    subject: 'operation/<id>',
    when: 'An operation was requested.',
    data: ['actions', 'summary', 'about'],
  },
  'gantry.operation.awaiting_approval': {
    subject: 'operation/<id>',
    when: 'An operation needs approval. Reviewers got mail.',
    data: ['actions', 'summary', 'about', 'approval_id'],
  },
  'gantry.operation.succeeded': {
    subject: 'operation/<id>',
    when: 'The changes of an operation were applied.',
    data: ['actions', 'summary', 'about', 'code', 'message'],
  },
  'gantry.operation.refused': {
    subject: 'operation/<id>',
    when: 'A policy, a check or a reviewer refused an operation.',
    data: ['actions', 'summary', 'about', 'code', 'message'],
  },
  'gantry.operation.failed': {
    subject: 'operation/<id>',
    when: 'An operation could not be composed or applied. `code` says why.',
    data: ['actions', 'summary', 'about', 'code', 'message'],
  },
  'gantry.operation.expired': {
    subject: 'operation/<id>',
    when: 'No decision was made in time.',
    data: ['actions', 'summary', 'about', 'code', 'message'],
  },
  'gantry.operation.withdrawn': {
    subject: 'operation/<id>',
    when: 'An operation was withdrawn.',
    data: ['actions', 'summary', 'about', 'code', 'message'],
  },
  'gantry.approval.decided': {
    subject: 'approval/<id>',
    when: 'A reviewer decided. `state` is the result of all decisions so far.',
    data: ['decision', 'by', 'signed_in_by', 'state', 'about', 'operation_id'],
  },
  'gantry.policy.changed': {
    subject: 'policy/<action>',
    when: 'The intervention policy of an action changed.',
    data: [
      'decision',
      'quorum',
      'self_approval',
      'expires_in_s',
      'reviewer_groups',
      'min_soak_s',
      'freeze_windows',
      'required_attestations',
      'required_builders',
      'required_sources',
      'was',
      'operation_id',
    ],
  },
} as const;
