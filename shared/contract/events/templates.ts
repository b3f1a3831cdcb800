export const templatesEvents = {
  'gantry.template.created': {
    subject: 'template/<id>',
    when: 'A template was made.',
    data: ['name', 'platform'],
  },
  'gantry.assignment.changed': {
    subject: 'assignment/<id>',
    when: 'A module was assigned to a template, its assignment changed, or taken away.',
    data: ['change', 'template_id', 'module', 'operation_id'],
  },
} as const;
