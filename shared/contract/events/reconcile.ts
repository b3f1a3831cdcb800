export const reconcileEvents = {
  'gantry.desired_state.failed': {
    subject: 'instance/<id>',
    when: 'The desired state of an instance could not be made. The previous one stays.',
    data: ['code', 'message'],
  },
  'gantry.desired_state.signed': {
    subject: 'instance/<id>',
    when: 'The instance has a new desired state.',
    data: ['version', 'composition_digest'],
  },
} as const;
