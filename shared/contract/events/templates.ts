const assignmentFields = ['constraint?', 'metadata?', 'effective_priority?'] as const;

export const templatesEvents = {
  'gantry.template.created': {
    subject: 'template/<id>',
    when: 'A template was created.',
    data: ['name', 'platform'],
  },
  'gantry.template.renamed': {
    subject: 'template/<id>',
    when: 'A template got another name. Its id stays.',
    data: ['from', 'to'],
  },
  'gantry.template.deleted': {
    subject: 'template/<id>',
    when: 'A template without machines and assignments was deleted. Its name is free.',
    data: ['name'],
  },
  'gantry.assignment.added': {
    subject: 'assignment/<id>',
    when: 'A module was assigned to a template.',
    data: ['template_id', 'module', ...assignmentFields, 'operation_id'],
  },
  'gantry.assignment.updated': {
    subject: 'assignment/<id>',
    when: 'The constraint, metadata or priority of an assignment changed. Only what changed is in the data.',
    data: ['template_id', 'module', ...assignmentFields, 'operation_id'],
  },
  'gantry.assignment.removed': {
    subject: 'assignment/<id>',
    when: 'A module was removed from a template.',
    data: ['template_id', 'module', 'operation_id'],
  },
  'gantry.dependency.updated': {
    subject: 'template/<id>',
    when: "A track of a template got another version of another account's module.",
    data: ['track', 'module', 'version', 'was', 'operation_id'],
  },
} as const;
