export const composeEvents = {
  'gantry.composition.made': {
    subject: 'template/<id>',
    when: 'A track of a template has a new composition.',
    data: ['track', 'digest', 'layers'],
  },
  'gantry.composition.failed': {
    subject: 'template/<id>',
    when: 'A track of a template can no longer be composed. The previous composition stays.',
    data: ['track', 'code', 'message'],
  },
} as const;
