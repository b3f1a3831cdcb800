import type { KeyObject } from 'node:crypto';
import type { z } from 'zod';
import { GantryError } from '../shared/base/error.ts';
import { limits } from '../shared/base/limits/index.ts';
import {
  type AgentReport,
  artifactUrlsAnswer,
  enrollAnswer,
  heartbeatAnswer,
  type heartbeatRequest,
  type JoinToken,
} from '../shared/contract/machines/index.ts';
import { isLoopbackAddress, isLoopbackName } from '../shared/domain/registries/index.ts';
import { makeProof } from '../shared/dpop/index.ts';
import type { Calls } from './calls.ts';
import type { Clock } from './clock.ts';
import { bytesOf, discard, type HttpAnswer, problemOf, request } from './http.ts';

export interface ControlPlaneOptions {
  /** Base URL of the deployment, as in the join token. */
  url: string;
  privateKey: KeyObject;
  /** Absent only at enrolment. */
  enrolled?: { credential: string; calls: Calls };
  clock: Clock;
}

/** The calls that an agent makes, one at a time, each with a fresh DPoP proof (RFC 9449). */
export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  /** The call under way: the place of the next in the chain is in its answer. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ControlPlaneOptions) {
    requireSafe(options.url, true);
    this.#options = options;
  }

  /** Trades the join token's secret and the proof of a key for a credential that is bound to that key. */
  enroll(body: Omit<JoinToken, 'url'>): Promise<z.infer<typeof enrollAnswer>> {
    return this.#call('enroll', body, enrollAnswer);
  }

  /** Says "still here", and learns where the desired state and the account root are to be read for the next hour. */
  async heartbeat(
    body: z.infer<typeof heartbeatRequest>,
  ): Promise<z.infer<typeof heartbeatAnswer>> {
    const answer = await this.#call('heartbeat', body, heartbeatAnswer);
    this.#requireHandedOut([answer.desired_state_url, ...answer.root_urls]);
    return answer;
  }

  /** Presigned URLs of `sha256:…`, `evidence:sha256:…` and `composition:sha256:…`; unknown names are left out. */
  async artifactUrls(digests: string[]): Promise<Record<string, string>> {
    const { urls } = await this.#call('artifacts', { digests }, artifactUrlsAnswer);
    this.#requireHandedOut(Object.values(urls));
    return urls;
  }

  /** What is behind an address is told in errors: it must not be metadata or what listens on this machine. */
  #requireHandedOut(urls: string[]): void {
    const local = new URL(this.#options.url).protocol === 'http:';
    for (const url of urls) requireSafe(url, local);
  }

  report(report: AgentReport): Promise<void> {
    return this.#call('report', report);
  }

  async #call<S extends z.ZodType>(verb: string, body: unknown, schema: S): Promise<z.infer<S>>;
  async #call(verb: string, body: unknown): Promise<void>;
  async #call<S extends z.ZodType>(
    verb: string,
    body: unknown,
    schema?: S,
  ): Promise<z.infer<S> | undefined> {
    const result = this.#last.then(() => this.#send(verb, body, schema));
    this.#last = result.catch(() => undefined);
    return await result;
  }

  async #send<S extends z.ZodType>(
    verb: string,
    body: unknown,
    schema?: S,
  ): Promise<z.infer<S> | undefined> {
    const url = `${this.#options.url.replace(/\/+$/, '')}/api/v1/agent/${verb}`;
    const what = `POST ${url}`;
    let { answer, learned } = await this.#post(url, body);
    if (answer.status === 401 && learned) {
      // Refused, and now the time is known better: once more, by that. A second refusal has another reason.
      await discard(answer);
      ({ answer, learned } = await this.#post(url, body));
    }
    if (answer.status < 200 || answer.status > 299) throw await problemOf(answer, what);
    if (schema === undefined) {
      await discard(answer);
      return undefined;
    }
    const text = (
      await bytesOf(answer, limits.agentAnswerBytesMax, `The answer to ${what}`)
    ).toString();
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new GantryError(
        'unavailable',
        `${what} was answered with something else than the agreed JSON.`,
        { cause },
      );
    }
  }

  /** One request; `learned` when its answer corrected the clock. */
  async #post(url: string, body: unknown): Promise<{ answer: HttpAnswer; learned: boolean }> {
    const { privateKey, enrolled, clock } = this.#options;
    const place = await enrolled?.calls.next();
    const proof = await makeProof({
      privateKey,
      htm: 'POST',
      htu: url,
      now: clock.server(),
      ...(enrolled === undefined || place === undefined
        ? {}
        : { accessToken: enrolled.credential, place }),
    });
    const answer = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        dpop: proof,
        ...(enrolled === undefined ? {} : { authorization: `DPoP ${enrolled.credential}` }),
      },
      body: JSON.stringify(body),
    });
    await enrolled?.calls.answered(answer.headers.get('dpop-nonce'));
    return { answer, learned: await clock.learn(answer.headers.get('date')) };
  }
}

/**
 * Plain HTTP is for loopback only (product.md, section 4): anybody between could otherwise take the credential's place. And
 * loopback is only for who is there: `plain` says whether it may be.
 */
function requireSafe(url: string, plain: boolean): void {
  const { protocol, hostname } = new URL(url);
  const name = hostname.replace(/^\[|\]$/g, '');
  const loopback = isLoopbackName(name) || isLoopbackAddress(name);
  if (
    plain
      ? protocol === 'https:' || (protocol === 'http:' && loopback)
      : protocol === 'https:' && !loopback
  )
    return;
  throw new GantryError(
    'invalid_request',
    `The control plane, and what it names, must be called by https, found ${protocol}//${hostname}.`,
    { expected: 'https', found: protocol },
  );
}
