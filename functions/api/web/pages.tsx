import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { decideByLink, openApprovalLink } from '../../../shared/actions/operations/index.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { decideBody } from '../../../shared/contract/operations/index.ts';
import type { ApiEnv } from '../env.ts';
import { invalidRequest } from '../problem.ts';
import { DocsPage, type OpenApiDocument } from './docs.tsx';
import { IndexPage } from './index-page.tsx';
import { ApprovalPage, DecidedPage } from './operations/approve.tsx';

/** Builds the pages. All are public: an approval link carries its own authority. */
export function pages(document: () => OpenApiDocument): OpenAPIHono<ApiEnv> {
  const web = new OpenAPIHono<ApiEnv>();
  web.get('/', (c) => c.html(<IndexPage publicUrl={c.var.services.settings.publicUrl} />));
  web.get('/api/v1/docs', (c) => c.html(<DocsPage document={document()} />));

  web.get('/approve/:id/:token', async (c) => {
    c.header('Cache-Control', 'no-store');
    const { id, token } = c.req.param();
    return c.html(<ApprovalPage {...(await openApprovalLink(c.var.services, id, token))} />);
  });

  web.post('/approve/:id/:token', async (c) => {
    c.header('Cache-Control', 'no-store');
    refuseOtherSites(c);

    const { id, token } = c.req.param();
    const form = await c.req.parseBody();
    const fields = { ...form, ...(form.comment === '' ? { comment: undefined } : {}) };
    const parsed = decideBody.safeParse(JSON.parse(JSON.stringify(fields)));
    if (!parsed.success) throw invalidRequest('form', parsed.error);

    const { decision, comment } = parsed.data;
    const approval = await decideByLink(c.var.services, id, token, {
      decision,
      comment: comment ?? null,
    });

    return c.html(<DecidedPage approval={approval} decision={decision} />);
  });

  return web;
}

/**
 * Refuses a form from another site. Browsers send Sec-Fetch-Site. Older ones send Origin, which is
 * `null` from our own pages too, because they forbid referrers.
 */
function refuseOtherSites(c: Context<ApiEnv>): void {
  const site = c.req.header('sec-fetch-site');
  const origin = c.req.header('origin');
  const ours = new URL(c.var.services.settings.publicUrl).origin;
  const own =
    site === undefined
      ? origin === undefined || origin === 'null' || origin === ours
      : site === 'same-origin';
  if (!own)
    throw new GantryError('forbidden', 'expected the form of this page, found one of another site');
}
