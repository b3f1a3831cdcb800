export const upkeepEvents = {
  'gantry.warning.raised': {
    subject: 'version/<id>, module/<name>, approval/<id>, instance/<id> or template/<id>/<track>',
    when: 'A sensor warns of something that waits for a person: once a day until the cause ends.',
    data: ['sensor', 'module', 'since', 'message', 'evidence'],
  },
  'gantry.warning.cleared': {
    subject: 'as of the warning',
    when: 'The cause of a warning has ended.',
    data: ['sensor', 'module', 'since'],
  },
  'gantry.sensor.changed': {
    subject: 'sensor/<name>',
    when: 'An operator changed whether a sensor mails the operators of the account.',
    data: ['mails'],
  },
} as const;
