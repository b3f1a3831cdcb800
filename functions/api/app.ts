import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { etag } from 'hono/etag';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import project from '../../package.json' with { type: 'json' };
import type { Services } from '../../shared/actions/context/index.ts';
import { GantryError } from '../../shared/base/error.ts';
import { useIssueSentences } from '../../shared/base/issue-sentences.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { makeLogger, redactText } from '../../shared/base/log.ts';
import { addLogKeys } from '../../shared/base/log-context.ts';
import { once } from '../../shared/base/once.ts';
import { problemSchema } from '../../shared/contract/http/index.ts';
import { correlate } from './correlate.ts';
import type { ApiEnv } from './env.ts';
import { hooks } from './hooks.ts';
import { checkJsonBody } from './json-body.ts';
import { makeDocument } from './openapi/document.ts';
import { markOptionalKeys } from './optional-keys.ts';
import { invalidRequest, isUnexpected, problemOf, problemType } from './problem.ts';
import { register } from './register-route.ts';
import { noRouteError } from './request-form.ts';
import { apiRoutes } from './routes/index.ts';
import { docsScriptSource } from './web/docs/script.ts';
import { styleSource } from './web/layout.tsx';
import { ProblemPage } from './web/operations/approve.tsx';
import { pages } from './web/pages.tsx';

/** Builds the HTTP app: `/api/v1`, its documentation and the pages. */
export function createApp(services: Services): OpenAPIHono<ApiEnv> {
  useIssueSentences();
  const logger = makeLogger('api');
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success)
        throw invalidRequest(partNames[result.target] ?? result.target, result.error);
    },
  });

  app.onError((error, c) => {
    const problem = problemOf(error, c.var.requestId, services.settings.publicUrl);
    if (isUnexpected(error))
      logger.error('a request failed', { request_id: problem.request_id, error });
    addLogKeys({ code: problem.code });
    c.header('Cache-Control', 'no-store');
    if (problem.status === 503) c.header('Retry-After', String(limits.retryAfterSeconds));
    if (problem.status === 401) c.header('WWW-Authenticate', 'Bearer, DPoP algs="ES256"');
    if (wantsPage(c)) return c.html(ProblemPage({ problem }), problem.status as 500);

    return c.body(JSON.stringify(problem), problem.status as 500, { 'Content-Type': problemType });
  });

  app.notFound((c) => {
    throw noRouteError(c, apiRoutes);
  });

  app.use(requestId({ generator: (c) => c.env?.requestContext?.requestId ?? crypto.randomUUID() }));
  app.use(correlate);

  app.use(async (c, next) => {
    c.set('services', services);
    const lambdaContext = c.env?.lambdaContext;
    if (lambdaContext !== undefined) logger.addContext(lambdaContext);

    const start = performance.now();
    await next();

    logger.info('request', {
      method: c.req.method,
      path: redactText(c.req.path),
      status: c.res.status,
      duration_ms: Math.round(performance.now() - start),
      account: c.var.caller?.account,
      actor: c.var.caller?.actor,
    });
  });

  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: [styleSource],
        scriptSrc: [docsScriptSource],
        imgSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
      referrerPolicy: 'no-referrer',
      xFrameOptions: 'DENY',
    }),
  );

  app.use(
    bodyLimit({
      maxSize: limits.apiBodyBytesMax,
      onError: () => {
        throw new GantryError(
          'payload_too_large',
          `expected a body of at most ${limits.apiBodyBytesMax} bytes, found more`,
        );
      },
    }),
  );

  app.get('/api/v1/*', etag());
  app.use('/api/v1/*', checkJsonBody);

  for (const route of apiRoutes) {
    for (const schema of [route.params, route.query, route.body, route.answer, problemSchema])
      markOptionalKeys(schema);
    register(app, route);
  }

  // The document takes milliseconds to make and never changes.
  const document = once(() => makeDocument(app, apiRoutes, services.settings.publicUrl));
  app.get('/api/v1/openapi.json', (c) => c.json(document()));
  app.get('/healthz', (c) => c.json({ status: 'ok', version: project.version }));
  app.route('/', hooks());
  app.route('/', pages(document));

  return app;
}

const partNames: Record<string, string> = {
  json: 'body',
  query: 'query',
  param: 'path',
  header: 'header',
};

/** Outside `/api`, a browser gets a page. */
function wantsPage(c: Context): boolean {
  return !c.req.path.startsWith('/api/') && (c.req.header('accept') ?? '').includes('text/html');
}
