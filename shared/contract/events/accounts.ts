export const accountsEvents = {
  'gantry.account.created': {
    subject: 'account/<slug>',
    when: 'An account was made, with its director key and root.',
    data: ['root_sha256'],
  },
  'gantry.root.proposed': {
    subject: 'root/<version>',
    when: 'A next account root waits for signatures.',
    data: ['key_ids', 'threshold', 'director_key_id'],
  },
  'gantry.root.signed': {
    subject: 'root/<version>',
    when: 'A key signed the proposed root, which needs more signatures.',
    data: ['key_id'],
  },
  'gantry.root.withdrawn': {
    subject: 'root/<version>',
    when: 'The proposed root was taken back.',
    data: [],
  },
  'gantry.root.changed': {
    subject: 'root/<version>',
    when: 'A next root is in force; agents follow it with their next heartbeat.',
    data: ['root_sha256', 'key_ids', 'threshold', 'director_key_id'],
  },
  'gantry.member.added': {
    subject: 'member/<id>',
    when: 'A person joined the account.',
    data: ['roles'],
  },
  'gantry.member.removed': { subject: 'member/<id>', when: 'A person left the account.', data: [] },
  'gantry.token.created': {
    subject: 'token/<id>',
    when: 'An API token was made.',
    data: ['name?', 'roles', 'member_id?', 'expires_at?'],
  },
  'gantry.token.revoked': { subject: 'token/<id>', when: 'An API token was ended.', data: [] },
} as const;
