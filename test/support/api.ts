import { expect, inject } from 'vitest';
import { type Problem, problemSchema } from '../../shared/contract/http/index.ts';

const { publicUrl } = inject('stack');

/** Requests to the deployed API, with this token unless another one is named. */
export function apiAs(token: string) {
  async function call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    bearer = token,
  ) {
    const response = await fetch(`${publicUrl}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${bearer}`,
        'content-type': 'application/json',
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? null : JSON.parse(text),
    };
  }

  /** The problem of a request that the API refuses. */
  async function refused(...request: Parameters<typeof call>): Promise<Problem> {
    const { body, headers, status } = await call(...request);
    expect(headers.get('content-type')).toBe('application/problem+json');

    const problem = problemSchema.parse(body);
    expect(problem.status).toBe(status);
    return problem;
  }

  return { call, refused };
}
