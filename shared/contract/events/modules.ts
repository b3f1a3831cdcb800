export const modulesEvents = {
  'gantry.category.created': {
    subject: 'category/<slug>',
    when: 'A category was added.',
    data: ['position'],
  },
  'gantry.module.registered': {
    subject: 'module/<name>',
    when: 'A module was registered; its repository is polled from now on.',
    data: ['repository', 'category', 'variety'],
  },
  'gantry.module.updated': {
    subject: 'module/<name>',
    when: 'The registration of a module was changed; `changed` names the fields.',
    data: ['changed', 'policy_version', 'operation_id'],
  },
  'gantry.reservation.changed': {
    subject: 'module/<name>',
    when: 'Paths were reserved for the module, or no longer are.',
    data: ['granted', 'revoked', 'operation_id'],
  },
  'gantry.version.ingested': {
    subject: 'version/<id>',
    when: 'A version is built.',
    data: ['module', 'digest', 'version', 'builds'],
  },
  'gantry.version.named': {
    subject: 'version/<id>',
    when: 'A semver tag named what a commit hash named before.',
    data: ['module', 'digest', 'from', 'to'],
  },
  'gantry.version.promoted': {
    subject: 'version/<id>',
    when: 'It is staging, blessed or live now; `from` is what it was.',
    data: ['module', 'version', 'from', 'operation_id'],
  },
  'gantry.version.superseded': {
    subject: 'version/<id>',
    when: 'Another version went live; this one is blessed again.',
    data: ['module', 'version', 'from', 'operation_id'],
  },
  'gantry.version.retired': {
    subject: 'version/<id>',
    when: 'It is not handed out any more.',
    data: ['module', 'version', 'from', 'operation_id'],
  },
  'gantry.version.quarantined': {
    subject: 'version/<id>',
    when: 'It does not verify any more, and is not handed out to new machines; `state` is its promotion state.',
    data: ['module', 'version', 'state', 'code?', 'message?'],
  },
  'gantry.version.released': {
    subject: 'version/<id>',
    when: 'It verifies again, and is quarantined no more.',
    data: ['module', 'version', 'state', 'code?', 'message?'],
  },
  'gantry.version.unconfirmed': {
    subject: 'version/<id>',
    when: 'It does not verify, by trust material that is stale or without an answer of the registry; it stays as it is.',
    data: ['module', 'version', 'state', 'code?', 'message?'],
  },
  'gantry.version.quarantine_held': {
    subject: 'version/<id>',
    when: 'It does not verify any more, and waits for a person: too many were quarantined within a day.',
    data: ['module', 'version', 'state', 'code?', 'message?'],
  },
} as const;
