export const pollEvents = {
  'gantry.tag.moved': {
    subject: 'module/<name>',
    when: 'A tag left the digest of an ingested version, which stays as it is.',
    data: ['code', 'tag', 'from', 'to'],
  },
  'gantry.tag.deleted': {
    subject: 'module/<name>',
    when: 'The registry does not have a tag any more; a version that it named stays as it is.',
    data: ['tag', 'digest'],
  },
  'gantry.repository.failed': {
    subject: 'module/<name>',
    when: 'The first of a row of failed polls.',
    data: ['code', 'message'],
  },
} as const;
