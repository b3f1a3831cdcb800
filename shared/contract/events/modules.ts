export const modulesEvents = {
  'gantry.category.created': {
    subject: 'category/<slug>',
    when: 'A category was created.',
    data: ['position'],
  },
  'gantry.category.moved': {
    subject: 'category/<slug>',
    when: 'The position of an empty category changed.',
    data: ['from', 'to'],
  },
  'gantry.category.renamed': {
    subject: 'category/<slug>',
    when: 'A category got another name. Its modules and position stay.',
    data: ['from', 'to'],
  },
  'gantry.category.deleted': {
    subject: 'category/<slug>',
    when: 'A category without modules was deleted.',
    data: ['position'],
  },
  'gantry.module.registered': {
    subject: 'module/<name>',
    when: 'A module was registered. Gantry now polls its repository.',
    data: ['repository', 'category', 'variety'],
  },
  'gantry.module.updated': {
    subject: 'module/<name>',
    when: 'The registration of a module changed. `changed` names the fields.',
    data: ['changed', 'policy_version', 'operation_id'],
  },
  'gantry.module.deleted': {
    subject: 'module/<name>',
    when: 'A module that never had a version was deleted. Its name is free.',
    data: ['repository'],
  },
  'gantry.reservation.changed': {
    subject: 'module/<name>',
    when: 'Reservations of a module were granted or revoked.',
    data: ['granted', 'revoked', 'operation_id'],
  },
  'gantry.version.ingested': {
    subject: 'version/<id>',
    when: 'An artifact was ingested and became a version.',
    data: ['module', 'digest', 'version', 'builds'],
  },
  'gantry.version.named': {
    subject: 'version/<id>',
    when: 'A version that had a commit hash as its version string got a semver tag.',
    data: ['module', 'digest', 'from', 'to'],
  },
  'gantry.version.promoted': {
    subject: 'version/<id>',
    when: 'A version became staging, blessed or live. `from` is its previous state.',
    data: ['module', 'version', 'from', 'operation_id'],
  },
  'gantry.version.restored': {
    subject: 'version/<id>',
    when: 'A version became built again, from staging or retired. `from` is its previous state.',
    data: ['module', 'version', 'from', 'operation_id'],
  },
  'gantry.version.rolled_back': {
    subject: 'version/<id>',
    when: 'A rollback holds the live version and makes `to` live again. `review_id` names the operation that asks reviewers afterwards.',
    data: ['module', 'version', 'to', 'reason', 'review_id', 'operation_id'],
  },
  'gantry.version.rollback_confirmed': {
    subject: 'version/<id>',
    when: 'Reviewers approved a rollback that was applied without them.',
    data: ['module', 'version', 'rollback_id', 'operation_id'],
  },
  'gantry.version.yanked': {
    subject: 'version/<id>',
    when: 'An author or operator withdrew a version. It counts as quarantined.',
    data: ['module', 'version', 'state', 'reason', 'operation_id'],
  },
  'gantry.version.unyanked': {
    subject: 'version/<id>',
    when: 'The withdrawal of a version was taken back.',
    data: ['module', 'version', 'state', 'reason', 'operation_id'],
  },
  'gantry.version.superseded': {
    subject: 'version/<id>',
    when: 'Another version became live, so this one is blessed again.',
    data: ['module', 'version', 'from', 'operation_id'],
  },
  'gantry.version.retired': {
    subject: 'version/<id>',
    when: 'A version was retired. No composition uses it from now on.',
    data: ['module', 'version', 'from', 'operation_id'],
  },
  'gantry.version.quarantined': {
    subject: 'version/<id>',
    when: 'A version no longer verifies, or an operator quarantined it. No other machine gets it. `state` is its promotion state.',
    data: ['module', 'version', 'state', 'code?', 'message?', 'reason?', 'operation_id?'],
  },
  'gantry.version.released': {
    subject: 'version/<id>',
    when: 'A quarantined version verifies again, or an operator released it.',
    data: ['module', 'version', 'state', 'code?', 'message?', 'reason?', 'operation_id?'],
  },
  'gantry.version.unconfirmed': {
    subject: 'version/<id>',
    when: 'A version did not verify, but trust material was stale or the registry did not respond. Its state stays.',
    data: ['module', 'version', 'state', 'code?', 'message?'],
  },
  'gantry.version.quarantine_held': {
    subject: 'version/<id>',
    when: 'A version no longer verifies and awaits a decision, because too many versions were quarantined within a day.',
    data: ['module', 'version', 'state', 'code?', 'message?'],
  },
} as const;
