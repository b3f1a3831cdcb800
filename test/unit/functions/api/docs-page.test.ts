import { expect, it } from 'vitest';
import type { OpenApiDocument } from '../../../../functions/api/web/docs/open-api.ts';
import { makeDocsPage } from '../../../../functions/api/web/docs/page.tsx';

it('a search renders no operation again that an earlier search rendered', () => {
  let rendered = 0;
  const operation = {
    operationId: 'listThings',
    summary: 'List things',
    tags: ['things'],
    get responses() {
      rendered += 1;
      return {};
    },
  };
  const info = { title: 'Gantry', version: '1', description: 'All of it' };
  const document = { info, paths: { '/things': { get: operation } } } as OpenApiDocument;

  const page = makeDocsPage(document);
  expect(page('list things')).toContain('id="listThings"');
  expect(page('nothing')).not.toContain('id="listThings"');
  const once = rendered;
  expect(page('things')).toContain('id="listThings"');
  expect([once, rendered]).toEqual([1, 1]);
});

it('a search hides the schemas and errors that it does not find, and keeps them for links', () => {
  const info = { title: 'Gantry', version: '1', description: 'All of it' };
  const schemas = { Pear: { description: 'a fruit' }, Stone: { description: 'no fruit' } };
  const document = { info, paths: {}, components: { schemas } } as OpenApiDocument;
  const page = makeDocsPage(document);
  const hiddenIn = (html: string) =>
    [...html.matchAll(/id="(schema-\w+|error-not_found)"[^>]* hidden/g)].map(([, id]) => id);

  expect(hiddenIn(page('pear'))).toEqual(['schema-Stone', 'error-not_found']);
  expect(hiddenIn(page(''))).toEqual([]);
});
