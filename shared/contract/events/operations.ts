export const operationsEvents = {
  'gantry.operation.requested': {
    subject: 'operation/<id>',
    when: 'Somebody asked for a change.',
    data: ['actions', 'summary'],
  },
  'gantry.operation.awaiting_approval': {
    subject: 'operation/<id>',
    when: 'Reviewers are asked by mail.',
    data: ['actions', 'summary', 'approval_id'],
  },
  'gantry.operation.succeeded': {
    subject: 'operation/<id>',
    when: 'The change is applied.',
    data: ['actions', 'summary', 'code', 'message'],
  },
  'gantry.operation.refused': {
    subject: 'operation/<id>',
    when: 'A policy, a check or a reviewer refused it.',
    data: ['actions', 'summary', 'code', 'message'],
  },
  'gantry.operation.failed': {
    subject: 'operation/<id>',
    when: 'It could not be composed or applied; the code says why.',
    data: ['actions', 'summary', 'code', 'message'],
  },
  'gantry.operation.expired': {
    subject: 'operation/<id>',
    when: 'Nobody decided in time.',
    data: ['actions', 'summary', 'code', 'message'],
  },
  'gantry.operation.withdrawn': {
    subject: 'operation/<id>',
    when: 'It was taken back.',
    data: ['actions', 'summary', 'code', 'message'],
  },
  'gantry.approval.decided': {
    subject: 'approval/<id>',
    when: 'A reviewer decided; `state` is what all decisions so far come to.',
    data: ['decision', 'by', 'state', 'operation_id'],
  },
  'gantry.policy.changed': {
    subject: 'policy/<action>',
    when: 'What an action asks for was changed.',
    data: ['decision', 'quorum', 'self_approval', 'expires_in_s', 'operation_id'],
  },
} as const;
