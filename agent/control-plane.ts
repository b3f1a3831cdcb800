import type { KeyObject } from 'node:crypto';
import type { z } from 'zod';
import {
  type AgentReport,
  artifactUrlsAnswer,
  enrollAnswer,
  heartbeatAnswer,
} from '../shared/contract/desired-state.ts';
import { makeProof } from '../shared/dpop/index.ts';
import { GantryError } from '../shared/error.ts';
import { limits } from '../shared/limits.ts';
import { bytesOf, discard, problemOf, request } from './http.ts';

export interface ControlPlaneOptions {
  /** Base URL of the deployment, as in the join token. */
  url: string;
  privateKey: KeyObject;
  /** Absent only at enrolment. */
  credential?: string;
  now: () => Date;
}

/** The calls that an agent makes, each with a fresh DPoP proof (RFC 9449). */
export class ControlPlane {
  readonly #options: ControlPlaneOptions;

  constructor(options: ControlPlaneOptions) {
    requireHttps(options.url);
    this.#options = options;
  }

  /** Trades the join token's secret and the proof of a key for a credential that is bound to that key. */
  enroll(body: { account: string; instance: string; secret: string }): Promise<z.infer<typeof enrollAnswer>> {
    return this.#call('enroll', body, enrollAnswer);
  }

  /** Says "still here", and learns where the desired state and the account root are to be read for the next hour. */
  heartbeat(body: { root_version: number; agent_version: string }): Promise<z.infer<typeof heartbeatAnswer>> {
    return this.#call('heartbeat', body, heartbeatAnswer);
  }

  /** Presigned URLs of `sha256:…`, `evidence:sha256:…` and `composition:sha256:…`; unknown names are left out. */
  async artifactUrls(digests: string[]): Promise<Record<string, string>> {
    return (await this.#call('artifacts', { digests }, artifactUrlsAnswer)).urls;
  }

  report(report: AgentReport): Promise<void> {
    return this.#call('report', report);
  }

  async #call<S extends z.ZodType>(verb: string, body: unknown, schema: S): Promise<z.infer<S>>;
  async #call(verb: string, body: unknown): Promise<void>;
  async #call<S extends z.ZodType>(verb: string, body: unknown, schema?: S): Promise<z.infer<S> | undefined> {
    const { url: base, privateKey, credential, now } = this.#options;
    const url = `${base.replace(/\/+$/, '')}/api/v1/agent/${verb}`;
    const proof = await makeProof({
      privateKey,
      htm: 'POST',
      htu: url,
      now: now(),
      ...(credential === undefined ? {} : { accessToken: credential }),
    });
    const answer = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        dpop: proof,
        ...(credential === undefined ? {} : { authorization: `DPoP ${credential}` }),
      },
      body: JSON.stringify(body),
    });
    const what = `POST ${url}`;
    if (answer.status < 200 || answer.status > 299) throw await problemOf(answer, what);
    if (schema === undefined) {
      await discard(answer);
      return undefined;
    }
    const text = (await bytesOf(answer, limits.agentAnswerBytesMax, `The answer to ${what}`)).toString();
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new GantryError('unavailable', `${what} was answered with something else than the agreed JSON.`, { cause });
    }
  }
}

/** Plain HTTP is for loopback only (product.md, section 4): anybody between could otherwise take the credential's place. */
function requireHttps(url: string): void {
  const { protocol, hostname } = new URL(url);
  const loopback =
    hostname === 'localhost' || hostname.endsWith('.localhost') || /^127\./.test(hostname) || hostname === '[::1]';
  if (protocol === 'https:' || (protocol === 'http:' && loopback)) return;
  throw new GantryError(
    'invalid_request',
    `The control plane must be called by https, found ${protocol}//${hostname}.`,
    {
      expected: 'https',
      found: protocol,
    },
  );
}
