export const reconcileEvents = {
  'gantry.desired_state.failed': {
    subject: 'instance/<id>',
    when: 'What an instance is to be could not be made; the desired state before stays.',
    data: ['code', 'message'],
  },
  'gantry.desired_state.signed': {
    subject: 'instance/<id>',
    when: 'The instance has a new desired state.',
    data: ['version', 'composition_digest'],
  },
} as const;
