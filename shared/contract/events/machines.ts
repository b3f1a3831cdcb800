export const machinesEvents = {
  'gantry.instance.created': {
    subject: 'instance/<id>',
    when: 'An instance was made.',
    data: ['name', 'template_id', 'track'],
  },
  'gantry.instance.enrolled': {
    subject: 'instance/<id>',
    when: 'An agent bound its key to the instance.',
    data: ['key_thumbprint'],
  },
  'gantry.instance.updated': {
    subject: 'instance/<id>',
    when: 'Its metadata, track or clusters were changed, or it has a new join token.',
    data: ['join_token?', 'changed?', 'operation_id?'],
  },
  'gantry.instance.credential_reused': {
    subject: 'instance/<id>',
    when: 'Its credential was used from two places and is revoked; an alarm is raised. It may enrol again.',
    data: ['why', 'key_thumbprint'],
  },
  'gantry.instance.decommissioned': {
    subject: 'instance/<id>',
    when: 'The instance is no machine of the account any more; its agent wipes its key and secrets.',
    data: ['name'],
  },
  'gantry.instance.reported': {
    subject: 'instance/<id>',
    when: 'What the machine runs, or whether that is right, changed.',
    data: ['status', 'code'],
  },
  'gantry.instance.drifted': {
    subject: 'instance/<id>',
    when: 'The machine began to differ from its desired state.',
    data: ['reason', 'code'],
  },
} as const;
