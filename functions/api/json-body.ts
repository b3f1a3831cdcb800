import { createMiddleware } from 'hono/factory';
import { GantryError } from '../../shared/base/error.ts';
import { parseStrictJson } from '../../shared/base/strict-json.ts';
import type { ApiEnv } from './env.ts';
import { isJson } from './request-form.ts';

/**
 * Checks JSON bodies for what neither the schemas nor the table can hold: text with half a
 * surrogate pair, and keys named `__proto__`, which schemas would drop without an error. A repeated
 * key is refused too, because a proxy may have judged another value than the last. A body of
 * another form is left to the route, which says so.
 */
export const checkJsonBody = createMiddleware<ApiEnv>(async (c, next) => {
  if (isJson(c.req.header('content-type'))) {
    const text = await c.req.text();
    const body = parseOrNull(text);
    requireStorable(body);
    if (body !== null) requireOneReading(text);
  }

  await next();
});

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function requireOneReading(text: string): void {
  try {
    parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const message = `the body is invalid: ${error.message}`;
    throw new GantryError('invalid_request', message, { field: 'body' });
  }
}

/** Walks with a list of its own, because a body may nest deeper than the stack allows. */
export function requireStorable(body: unknown): void {
  const left: [path: string, value: unknown][] = [['', body]];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [path, value] = next;
    if (typeof value === 'string') requireWellFormed(value, path);
    if (typeof value !== 'object' || value === null) continue;

    for (const [key, inner] of Object.entries(value)) {
      requireWellFormed(key, path);
      if (key === '__proto__') throw refused(path, 'another key than "__proto__"', key);
      left.push([path === '' ? key : `${path}.${key}`.slice(0, 200).toWellFormed(), inner]);
    }
  }
}

function requireWellFormed(text: string, path: string): void {
  if (!text.isWellFormed())
    throw refused(path, 'Unicode text', 'half a surrogate pair, which is no character');
}

function refused(path: string, expected: string, found: string): GantryError {
  const where = path === '' ? '' : `${path}: `;
  const message = `the body is invalid: ${where}expected ${expected}, found ${found}`;
  return new GantryError('invalid_request', message, { field: path || 'body' });
}
