export const accountsEvents = {
  'gantry.account.created': {
    subject: 'account/<slug>',
    when: 'An account was created with its director key and account root.',
    data: ['root_sha256'],
  },
  'gantry.account.failed': {
    subject: 'account/<slug>',
    when: 'An account could not be created for a day. It may be requested again.',
    data: ['code', 'message'],
  },
  'gantry.root.proposed': {
    subject: 'root/<version>',
    when: 'A new account root was proposed and awaits signatures.',
    data: ['key_ids', 'threshold', 'director_key_id'],
  },
  'gantry.root.signed': {
    subject: 'root/<version>',
    when: 'A key signed the proposed root. It needs more signatures.',
    data: ['key_id'],
  },
  'gantry.root.withdrawn': {
    subject: 'root/<version>',
    when: 'The proposed root was withdrawn.',
    data: [],
  },
  'gantry.root.changed': {
    subject: 'root/<version>',
    when: 'A new root is in force. Agents adopt it with their next heartbeat.',
    data: ['root_sha256', 'key_ids', 'threshold', 'director_key_id'],
  },
  'gantry.member.added': {
    subject: 'member/<id>',
    when: 'A person was added to the account and invited.',
    data: ['roles', 'groups', 'shown'],
  },
  'gantry.member.changed': {
    subject: 'member/<id>',
    when: 'The roles or groups of a member changed. `recovered`: the owner of the deployment did it although a policy then lacks reviewers.',
    data: ['roles', 'groups', 'recovered', 'operation_id?'],
  },
  'gantry.member.invited': {
    subject: 'member/<id>',
    when: 'A person got another invitation; the one before is void. `shown`: an admin took the link.',
    data: ['shown'],
  },
  'gantry.member.joined': {
    subject: 'member/<id>',
    when: 'A person followed their invitation and got a token.',
    data: ['signed_in_by', 'token_id'],
  },
  'gantry.member.removed': {
    subject: 'member/<id>',
    when: 'A member was removed from the account, or their invitation was cancelled.',
    data: ['recovered'],
  },
  'gantry.token.created': {
    subject: 'token/<id>',
    when: 'An API token was created.',
    data: ['name?', 'roles', 'member_id?', 'expires_at?'],
  },
  'gantry.token.revoked': { subject: 'token/<id>', when: 'An API token was revoked.', data: [] },
} as const;
