export const machinesEvents = {
  'gantry.instance.created': {
    subject: 'instance/<id>',
    when: 'An instance was created.',
    data: ['name', 'template_id', 'track'],
  },
  'gantry.instance.enrolled': {
    subject: 'instance/<id>',
    when: 'An agent bound its key to the instance.',
    data: ['key_thumbprint'],
  },
  'gantry.instance.updated': {
    subject: 'instance/<id>',
    when: 'The metadata, track or clusters of an instance changed, or it got a new join token.',
    data: ['join_token?', 'changed?', 'operation_id?'],
  },
  'gantry.instance.sealing_key_changed': {
    subject: 'instance/<id>',
    when: 'The agent of an instance has another key, to which values for the machine are sealed.',
    data: ['sealing_key'],
  },
  'gantry.instance.credential_reused': {
    subject: 'instance/<id>',
    when: 'A credential was used from two places. It is revoked and an alarm is raised. The machine can enrol again.',
    data: ['why', 'key_thumbprint'],
  },
  'gantry.instance.decommissioned': {
    subject: 'instance/<id>',
    when: 'An instance was decommissioned. Its agent deletes its key and secrets.',
    data: ['name'],
  },
  'gantry.instance.reported': {
    subject: 'instance/<id>',
    when: 'A machine reported a change of what it runs or of its status.',
    data: ['status', 'code'],
  },
  'gantry.instance.drifted': {
    subject: 'instance/<id>',
    when: 'A machine runs something else than its desired state although it has looked, or refused it.',
    data: ['reason', 'code'],
  },
} as const;
