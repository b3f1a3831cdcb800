import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkAccess } from '../../../../functions/api/access.ts';
import { createApp } from '../../../../functions/api/app.ts';
import { type Route, route } from '../../../../functions/api/route.ts';
import { apiRoutes } from '../../../../functions/api/routes/index.ts';
import project from '../../../../package.json' with { type: 'json' };
import { isGantryError } from '../../../../shared/base/error.ts';
import { limits } from '../../../../shared/base/limits/index.ts';
import { problemSchema } from '../../../../shared/contract/http/index.ts';
import { type Caller, type Role, roles } from '../../../../shared/domain/accounts/index.ts';
import { idleServices } from './services.ts';

const app = createApp(idleServices());
const name = ({ method, path }: Route) => `${method.toUpperCase()} /api/v1${path}`;
const example = (path: string) => `/api/v1${path.replaceAll(/\{\w+\}/g, 'x')}`;

/** Routes that no access check stands before, and why. */
const open = [
  'GET /', // the index page
  'GET /favicon.svg',
  'GET /favicon.ico',
  'GET /healthz',
  'GET /api/v1/docs',
  'GET /api/v1/openapi.json',
  'GET /approve/:id/:token', // the link is the authority
  'POST /approve/:id/:token',
  'GET /invitation/:account/:member_id/:secret', // the link is the authority
  'POST /invitation/:account/:member_id/:secret',
  'POST /hooks/registry/:source',
  'POST /api/v1/agent/enroll', // the join token is
  'POST /api/v1/invitations/accept', // the secret of the invitation is
];

function caller(...held: Role[]): Caller {
  return {
    account: 'acme',
    actor: 'token:tok_1',
    roles: held,
    member_id: null,
    person: 'deployment',
    signed_in_by: null,
    platform: false,
  };
}

it('the API page says how to authenticate, and has a command for every operation', async () => {
  const page = await (await app.request('/api/v1/docs')).text();

  const missing = [
    'Authorization: Bearer gantry_…',
    ' -X DELETE -H &quot;Authorization: Bearer $GANTRY_TOKEN&quot;',
    'kind: version_promote',
    'The caller lacks the required role.',
  ].filter((text) => !page.includes(text));

  expect(missing).toEqual([]);
  expect(page.match(/<code>curl /g)?.length).toBe(apiRoutes.length);
  expect(page.replace(/<script>.*<\/script>/s, '').includes('`')).toBe(false);
});

it.each(['/favicon.svg', '/favicon.ico'])('%s is the icon of the pages', async (path) => {
  const icon = await app.request(path);
  expect([icon.status, icon.headers.get('content-type')]).toEqual([200, 'image/svg+xml']);
});

it('the API page finds operations by words, without a script', async () => {
  const found = await (await app.request('/api/v1/docs?q=promote+version')).text();
  expect([found.includes('id="promoteVersion"'), found.includes('id="listTokens"')]).toEqual([
    true,
    false,
  ]);
  expect(await (await app.request('/api/v1/docs?q=%3Cb%3E')).text()).not.toContain('<b>&');
});

it('every link of the start page leads somewhere', async () => {
  const page = await (await app.request('/')).text();
  const links = [...page.matchAll(/href="(\/[^"#]*)/g)].map(([, path = '']) => path);
  const statuses = await Promise.all(links.map(async (path) => (await app.request(path)).status));

  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(page).toContain(project.version);
});

describe('access', () => {
  it('is declared by every route that the application answers', () => {
    const declared = new Set(
      apiRoutes.map(
        (route) =>
          `${route.method.toUpperCase()} ${`/api/v1${route.path}`.replaceAll(/\{(\w+)\}/g, ':$1')}`,
      ),
    );

    const answered = app.routes.filter(
      ({ method, path }) => method !== 'ALL' && !path.endsWith('*'),
    );
    const undeclared = answered
      .map(({ method, path }) => `${method} ${path}`)
      .filter((route) => !declared.has(route));

    expect([...new Set(undeclared)].sort()).toEqual(
      open.filter((route) => !declared.has(route)).sort(),
    );

    const isPublic = apiRoutes.filter(({ role }) => role === 'public').map(name);
    expect(isPublic).toEqual(['POST /api/v1/invitations/accept', 'POST /api/v1/agent/enroll']);
  });

  it('cannot be forgotten: a route without a role is refused', () => {
    const shape = { method: 'get', path: '/x', tag: 'x', summary: 'x', handle: async () => {} };
    // The types refuse it too.
    expect(() => Reflect.apply(route, undefined, [shape])).toThrow('expected a role');
  });

  it.each(
    apiRoutes.filter(({ role }) => role !== 'public').map((route) => [name(route), route] as const),
  )(
    '%s answers 401 to a request without a credential, before it reads the request',
    async (_name, { method, path }) => {
      const answer = await app.request(example(path), { method: method.toUpperCase() });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
      expect(problemSchema.parse(await answer.json()).code).toBe('unauthenticated');
    },
  );

  it.each(
    apiRoutes.flatMap((route) =>
      roles.includes(route.role as Role) ? ([[name(route), route.role as Role]] as const) : [],
    ),
  )('%s refuses each role but %s, and admin unless it reviews', (_name, role) => {
    const allowed = roles.filter((held) => {
      try {
        checkAccess(caller(held), role);
        return true;
      } catch (error) {
        expect(isGantryError(error, 'forbidden')).toBe(true);
        return false;
      }
    });
    const suffices = (held: Role) => held === role || (held === 'admin' && role !== 'reviewer');
    expect(allowed).toEqual(role === 'viewer' ? [...roles] : roles.filter(suffices));
  });

  it('refuses a caller without any role everywhere', () => {
    for (const role of roles)
      expect(() => checkAccess(caller(), role)).toThrow(/expected the role/);
  });

  it('to accounts needs the token of the deployment, admin does not suffice', () => {
    expect(() => checkAccess(caller('admin'), 'platform')).toThrow(
      /token that the deployment printed/,
    );
    expect(() => checkAccess({ ...caller('admin'), platform: true }, 'platform')).not.toThrow();
  });

  it('by a bearer token does not open agent routes, nor a DPoP credential the others', async () => {
    const bearer = await app.request('/api/v1/agent/heartbeat', {
      method: 'POST',
      headers: { authorization: 'Bearer x' },
    });
    expect(bearer.status).toBe(401);

    const dpop = await app.request('/api/v1/modules', { headers: { authorization: 'DPoP x' } });
    expect(dpop.status).toBe(401);
  });
});

describe('errors', () => {
  it('of unknown routes are problems with a request id', async () => {
    const answer = await app.request('/api/v1/nothing');
    expect(answer.status).toBe(404);

    const problem = problemSchema.parse(await answer.json());
    expect(problem).toMatchObject({
      code: 'not_found',
      type: 'https://gantry.example/api/v1/docs#error-not_found',
    });
    expect(problem.request_id).toBe(answer.headers.get('x-request-id'));
  });

  it('name every issue of a body', async () => {
    const answer = await app.request('/api/v1/agent/enroll', {
      method: 'POST',
      body: JSON.stringify({ account: 3, instance: 'ins_1', extra: true }),
      headers: { 'content-type': 'application/json' },
    });

    expect(answer.status).toBe(400);
    const problem = problemSchema.parse(await answer.json());

    expect(problem).toMatchObject({
      code: 'invalid_request',
      field: 'account',
      expected: 'string',
    });

    const { issues } = problem.details as { issues: { field: string }[] };
    expect(issues.map(({ field }) => field)).toEqual([
      'account',
      'instance',
      'secret',
      'root_sha256',
      '',
    ]);

    expect(JSON.stringify(issues)).toContain('extra');
  });

  it('say so when a body is no JSON', async () => {
    const answer = await app.request('/api/v1/agent/enroll', {
      method: 'POST',
      body: '{',
      headers: { 'content-type': 'application/json' },
    });
    expect(problemSchema.parse(await answer.json())).toMatchObject({
      code: 'invalid_request',
      status: 400,
    });
  });

  it('refuse a body that is too large', async () => {
    const answer = await app.request('/api/v1/agent/enroll', {
      method: 'POST',
      body: 'x'.repeat(limits.apiBodyBytesMax + 1),
    });
    expect(problemSchema.parse(await answer.json())).toMatchObject({
      code: 'payload_too_large',
      status: 413,
    });
  });

  it('are pages where a browser asked for one', async () => {
    const answer = await app.request('/nowhere', { headers: { accept: 'text/html,*/*' } });
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toContain('text/html');
  });
});

describe('the OpenAPI document', () => {
  it('is 3.1, holds every route with its role, and resolves its references', async () => {
    const answer = await app.request('/api/v1/openapi.json');
    const document = (await answer.json()) as {
      openapi: string;
      paths: Record<
        string,
        Record<string, { 'x-gantry-role': string; operationId: string; security: unknown[] }>
      >;
      components: { schemas: Record<string, unknown> };
    };

    expect(document.openapi).toBe('3.1.0');
    const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [
        `${method.toUpperCase()} ${path}`,
        operation['x-gantry-role'],
      ]),
    );

    expect(listed.sort()).toEqual(apiRoutes.map((route) => [name(route), route.role]).sort());
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );

    expect(new Set(ids).size).toBe(ids.length);
    for (const [, reference] of JSON.stringify(document).matchAll(
      /"#\/components\/schemas\/(\w+)"/g,
    )) {
      expect(document.components.schemas).toHaveProperty(reference as string);
    }
  });

  it('has a page to browse it, which runs only its own script and loads only its icon', async () => {
    const answer = await app.request('/api/v1/docs');
    const html = await answer.text();
    for (const { path } of apiRoutes) expect(html).toContain(`/api/v1${path}`);
    expect(html).toContain('id="error-version_exists"');

    const [, script = ''] = /<script>(.*)<\/script>/s.exec(html) ?? [];
    const digest = createHash('sha256').update(script).digest('base64');
    const policy = answer.headers.get('content-security-policy');
    expect(policy).toContain(`script-src 'sha256-${digest}';`);
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).not.toMatch(/ src=|<link(?! rel="icon" href="\/favicon)/);
  });

  it('is not sent again to who has it', async () => {
    const first = await app.request('/api/v1/openapi.json');
    const tag = first.headers.get('etag') as string;
    const second = await app.request('/api/v1/openapi.json', { headers: { 'if-none-match': tag } });
    expect(second.status).toBe(304);
  });
});

describe('pages', () => {
  it('may be framed by nobody and style themselves only', async () => {
    const answer = await app.request('/');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-frame-options')).toBe('DENY');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');

    const policy = answer.headers.get('content-security-policy') as string;
    const html = await answer.text();

    expect(html).toMatch(/^<!doctype html>/);
    const [, style = ''] = /<style>(.*)<\/style>/s.exec(html) ?? [];
    const digest = createHash('sha256').update(style).digest('base64');

    expect(policy).toContain(
      `default-src 'none'; style-src 'sha256-${digest}'; script-src 'sha256-`,
    );
    expect(policy).toContain(`img-src 'self'; form-action 'self'`);
    expect(policy).not.toContain('unsafe');
  });

  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'https://gantry.example' },
    { origin: 'https://elsewhere.example' },
  ])('refuse the approval form of another site: %o', async (headers) => {
    const answer = await app.request('/approve/apr_1/token', {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'text/html',
      } as Record<string, string>,
      body: 'decision=approve',
    });

    expect(answer.status).toBe(403);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('refuse a decision that is neither', async () => {
    const answer = await app.request('/approve/apr_1/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'decision=maybe',
    });
    expect(problemSchema.parse(await answer.json())).toMatchObject({
      code: 'invalid_request',
      field: 'decision',
    });
  });
});

describe('a key that may be left out', () => {
  it('appears like this in the OpenAPI document', async () => {
    const document = (await (await app.request('/api/v1/openapi.json')).json()) as {
      paths: Record<
        string,
        Record<string, { parameters?: { name: string; required: boolean }[]; requestBody?: object }>
      >;
    };

    const { parameters } = document.paths['/api/v1/modules']?.get ?? {};
    expect(parameters?.find(({ name }) => name === 'cursor')).toMatchObject({ required: false });
    expect(document.paths['/api/v1/tokens']?.post?.requestBody).toMatchObject({
      content: { 'application/json': { schema: { required: ['name', 'roles'] } } },
    });
  });

  it('may not be present without a value', () => {
    const body = apiRoutes.find(
      ({ method, path }) => method === 'post' && path === '/tokens',
    )?.body;
    expect(body?.safeParse({ name: 'ci', roles: ['author'] }).success).toBe(true);
    expect(body?.safeParse({ name: 'ci', roles: ['author'], expires_at: undefined }).success).toBe(
      false,
    );
  });
});
