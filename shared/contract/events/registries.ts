export const registriesEvents = {
  'gantry.registry.login_stored': {
    subject: 'registry/<host>',
    when: 'An operator stored credentials for a registry, or the authority of its certificate.',
    data: ['username', 'ca_sha256?'],
  },
  'gantry.registry.login_removed': {
    subject: 'registry/<host>',
    when: 'An operator removed the credentials for a registry.',
    data: [],
  },
  'gantry.hook.created': {
    subject: 'hook/<id>',
    when: 'An operator created a webhook for a registry.',
    data: ['kind', 'host'],
  },
  'gantry.hook.removed': { subject: 'hook/<id>', when: 'An operator removed a webhook.', data: [] },
} as const;
