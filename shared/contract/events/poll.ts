export const pollEvents = {
  'gantry.tag.moved': {
    subject: 'module/<name>',
    when: 'A tag moved away from the digest of a version. The version stays.',
    data: ['code', 'tag', 'from', 'to'],
  },
  'gantry.tag.deleted': {
    subject: 'module/<name>',
    when: 'The registry no longer has a tag. A version that it named stays.',
    data: ['tag', 'digest'],
  },
  'gantry.tag.unreadable': {
    subject: 'module/<name>',
    when: 'The registry lists a tag and does not return it. Other tags are polled.',
    data: ['code', 'message', 'tag'],
  },
  'gantry.repository.failed': {
    subject: 'module/<name>',
    when: 'A poll failed after one that succeeded.',
    data: ['code', 'message'],
  },
} as const;
