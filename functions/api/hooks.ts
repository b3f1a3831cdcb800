import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { receiveHook, refuseHook } from '../../shared/actions/poll/index.ts';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { ApiEnv } from './env.ts';

/**
 * The webhooks for registry pushes. A caller proves only the secret, so the response reveals
 * nothing.
 */
export function hooks(): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const maxSize = limits.hookBodyBytesMax;

  const onError = () => {
    throw new GantryError(
      'payload_too_large',
      `expected a body of at most ${maxSize} bytes, found more`,
    );
  };

  app.post('/hooks/registry/:source', bodyLimit({ maxSize, onError }), async (c) => {
    const source = c.req.param('source');
    // Longer than a webhook's id, and longer than a key of the table may be.
    if (!/^\w{1,100}$/.test(source)) throw refuseHook();

    const body = new Uint8Array(await c.req.arrayBuffer());
    await receiveHook(c.var.services, source, (name) => c.req.header(name), body);
    c.header('Cache-Control', 'no-store');
    return c.body(null, 202);
  });

  return app;
}
