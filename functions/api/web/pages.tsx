import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import project from '../../../package.json' with { type: 'json' };
import {
  acceptInvitation,
  type InvitationLink,
  openInvitation,
} from '../../../shared/actions/members/index.ts';
import {
  decideByLink,
  openApprovalLink,
  readReviewers,
  reviewApproval,
} from '../../../shared/actions/operations/index.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { once } from '../../../shared/base/once.ts';
import { acceptInvitationBody } from '../../../shared/contract/accounts/index.ts';
import { decideForm } from '../../../shared/contract/operations/index.ts';
import { votesOf } from '../../../shared/domain/operations/index.ts';
import type { ApiEnv } from '../env.ts';
import { invalidRequest } from '../problem.ts';
import { InvitationPage, JoinedPage } from './accounts/invitation.tsx';
import type { OpenApiDocument } from './docs/open-api.ts';
import { makeDocsPage } from './docs/page.tsx';
import { icon } from './icon.ts';
import { IndexPage } from './index-page.tsx';
import { ApprovalPage, DecidedPage } from './operations/approve.tsx';

/** Builds the pages. All are public: approval links and invitations carry their own authority. */
export function pages(document: () => OpenApiDocument): OpenAPIHono<ApiEnv> {
  const web = new OpenAPIHono<ApiEnv>();
  web.get('/', (c) => {
    const { publicUrl } = c.var.services.settings;
    return c.html(<IndexPage publicUrl={publicUrl} version={project.version} />);
  });
  // Browsers ask for the .ico beside what a page names.
  for (const path of ['/favicon.svg', '/favicon.ico']) web.get(path, showIcon);
  const docsPage = once(() => makeDocsPage(document()));
  const wholeDocs = once(() => docsPage()(''));
  web.get('/api/v1/docs', (c) => {
    const query = c.req.query('q') ?? '';
    return c.html(query === '' ? wholeDocs() : docsPage()(query));
  });

  web.get('/approve/:id/:token', async (c) => {
    c.header('Cache-Control', 'no-store');
    const { id, token } = c.req.param();
    const { services } = c.var;
    const { approval, operation, account, reviewer } = await openApprovalLink(services, id, token);
    const review = await reviewApproval(services, approval, operation);
    return c.html(<ApprovalPage {...{ approval, account, reviewer, review }} />);
  });

  web.post('/approve/:id/:token', async (c) => {
    c.header('Cache-Control', 'no-store');
    refuseOtherSites(c);

    const { id, token } = c.req.param();
    // A field that comes twice is a list, which the schema refuses.
    const form = await c.req.parseBody({ all: true });
    const { comment: text, ...rest } = form;
    const parsed = decideForm.safeParse(text === '' || text === undefined ? rest : form);
    if (!parsed.success) throw invalidRequest('form', parsed.error);

    const { decision, comment, confirmation } = parsed.data;
    const { services } = c.var;
    const approval = await decideByLink(services, id, token, {
      decision,
      comment: comment ?? null,
      confirmation,
    });

    const reviewers = await readReviewers(services, approval.account);
    const { approvals } = votesOf(approval, reviewers);
    return c.html(<DecidedPage approval={approval} approvals={approvals} decision={decision} />);
  });

  web.get('/invitation/:account/:member_id/:secret', async (c) => {
    c.header('Cache-Control', 'no-store');
    const { member } = await openInvitation(c.var.services, invitationLink(c));
    return c.html(<InvitationPage member={member} />);
  });

  web.post('/invitation/:account/:member_id/:secret', async (c) => {
    c.header('Cache-Control', 'no-store');
    refuseOtherSites(c);

    const { services } = c.var;
    const link = invitationLink(c);
    const { member } = await openInvitation(services, link);
    // A field that comes twice is a list, which is no address.
    const { email } = await c.req.parseBody({ all: true });

    if (typeof email !== 'string' || email.trim().toLowerCase() !== member.email) {
      throw new GantryError(
        'forbidden',
        'expected the e-mail address that the invitation was sent to, found another; go back and type it',
        { field: 'email' },
      );
    }

    const joined = await acceptInvitation(services, link);
    return c.html(<JoinedPage joined={joined} publicUrl={services.settings.publicUrl} />);
  });

  return web;
}

function showIcon(c: Context<ApiEnv>) {
  c.header('Cache-Control', 'public, max-age=86400');
  return c.body(icon, 200, { 'Content-Type': 'image/svg+xml' });
}

/** The parts of an invitation's path; what cannot be one is refused before any record is read. */
function invitationLink(c: Context<ApiEnv>): InvitationLink {
  const parsed = acceptInvitationBody.safeParse(c.req.param());
  if (parsed.success) return parsed.data;
  throw new GantryError('invitation_invalid', 'expected a whole link, found one that was cut off');
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
