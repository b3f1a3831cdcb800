import { expect, it } from 'vitest';
import { parseTemplateFile } from '../../../../cli/commands/templates/apply.ts';

it('a template file has the name of the template and its assignments', async () => {
  const text = [
    'template: web',
    'assignments:',
    '  - module: my-redis',
    '    constraint: "^1.0"',
    '    metadata: { listen: 0.0.0.0, port: 6379 }',
    '  - module: powernode/nginx',
    '    effective_priority: 95',
  ].join('\n');

  expect(await parseTemplateFile('web.yaml', text)).toEqual({
    template: 'web',
    assignments: [
      {
        module: 'my-redis',
        constraint: '^1.0',
        metadata: { listen: '0.0.0.0', port: 6379 },
      },
      { module: 'powernode/nginx', effective_priority: 95 },
    ],
  });
});

it.each([
  ['a syntax error', 'template: [', /at line 1/],
  ['no template', 'assignments: []', /template: expected text, found nothing/],
  ['no assignments', 'template: web', /assignments: /],
  ['an unknown key', 'template: web\nassignments:\n  - module: a\n    version: 1', /version/],
  ['several problems', 'template: 1\nassignments: 2', /assignments: .*; template: /],
  ['nothing', '', /the document: /],
])('a template file with %s is refused with its place', async (_, text, message) => {
  await expect(parseTemplateFile('web.yaml', text)).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringMatching(message),
  });
});
