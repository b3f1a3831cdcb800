import type { KeyObject } from 'node:crypto';
import type { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import {
  type AgentReport,
  artifactUrlsAnswer,
  enrollAnswer,
  type enrollBody,
  heartbeatAnswer,
  type heartbeatRequest,
} from '../../shared/contract/machines/index.ts';
import { isLoopbackAddress, isLoopbackName } from '../../shared/domain/registries/index.ts';
import { makeProof } from '../../shared/dpop/index.ts';
import type { CallChain } from './call-chain.ts';
import type { Clock } from './clock.ts';
import { discardBody, type HttpResponse, readBody, readProblem, request } from './http.ts';

export interface ControlPlaneOptions {
  /** Base URL of the deployment, as in the join token. */
  url: string;
  privateKey: KeyObject;
  /** Absent only at enrolment. */
  enrolled?: { credential: string; calls: CallChain };
  clock: Clock;
}

/** The calls that an agent makes, one at a time, each with a fresh DPoP proof (RFC 9449). */
export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  /** The call that is under way. Its response holds the place of the next call in the chain. */
  #last: Promise<unknown> = Promise.resolve();
  #lastSucceeded = true;

  constructor(options: ControlPlaneOptions) {
    requireSafeUrl(options.url, { plain: true });
    this.#options = options;
  }

  /** False after a call that failed: a report of the failure would fail as well. */
  get isReachable(): boolean {
    return this.#lastSucceeded;
  }

  /**
   * Exchanges the join token's secret and the proof of a key for a credential that is bound to the
   * key.
   */
  enroll(body: z.infer<typeof enrollBody>): Promise<z.infer<typeof enrollAnswer>> {
    return this.#call('enroll', body, enrollAnswer);
  }

  /**
   * Shows that the machine lives. The response says where the desired state and new account roots
   * are, for an hour.
   */
  async heartbeat(
    body: z.infer<typeof heartbeatRequest>,
  ): Promise<z.infer<typeof heartbeatAnswer>> {
    const response = await this.#call('heartbeat', body, heartbeatAnswer);
    this.#requireSafeUrls([response.desired_state_url, ...response.root_urls]);
    return response;
  }

  /**
   * Presigned URLs of `sha256:…`, `file-index:sha256:…`, `stored-signatures:sha256:…` and
   * `composition:sha256:…`.
   *
   * @throws `forbidden` when the desired state does not name one of them.
   */
  async artifactUrls(digests: string[]): Promise<Record<string, string>> {
    const { urls } = await this.#call('artifacts', { digests }, artifactUrlsAnswer);
    this.#requireSafeUrls(Object.values(urls));
    return urls;
  }

  report(report: AgentReport): Promise<void> {
    return this.#call('report', report);
  }

  /**
   * Errors quote what an address returns, so it must not be cloud metadata or a service of this
   * machine.
   */
  #requireSafeUrls(urls: string[]): void {
    const plain = new URL(this.#options.url).protocol === 'http:';
    for (const url of urls) requireSafeUrl(url, { plain });
  }

  async #call<S extends z.ZodType>(verb: string, body: unknown, schema: S): Promise<z.infer<S>>;
  async #call(verb: string, body: unknown): Promise<void>;
  async #call<S extends z.ZodType>(
    verb: string,
    body: unknown,
    schema?: S,
  ): Promise<z.infer<S> | undefined> {
    const result = this.#last.then(() => this.#send(verb, body, schema));
    this.#last = result.then(
      () => {
        this.#lastSucceeded = true;
      },
      () => {
        this.#lastSucceeded = false;
      },
    );

    return result;
  }

  async #send<S extends z.ZodType>(
    verb: string,
    body: unknown,
    schema?: S,
  ): Promise<z.infer<S> | undefined> {
    const url = `${this.#options.url.replace(/\/+$/, '')}/api/v1/agent/${verb}`;
    const what = `POST ${url}`;

    let { response, clockCorrected } = await this.#post(url, body);
    if (response.status === 401 && clockCorrected) {
      // The clock was corrected by the response, so a second proof may pass. A second refusal has
      // another reason.
      await discardBody(response);
      ({ response, clockCorrected } = await this.#post(url, body));
    }

    if (response.status < 200 || response.status > 299) throw await readProblem(response, what);

    if (schema === undefined) {
      await discardBody(response);
      return undefined;
    }

    const bytes = await readBody(response, limits.agentAnswerBytesMax, `The response to ${what}`);
    try {
      return schema.parse(JSON.parse(bytes.toString()));
    } catch (cause) {
      throw new GantryError(
        'unavailable',
        `${what} failed: expected JSON as the API documents it, found something else.`,
        { cause },
      );
    }
  }

  async #post(
    url: string,
    body: unknown,
  ): Promise<{ response: HttpResponse; clockCorrected: boolean }> {
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

    const response = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        dpop: proof,
        ...(enrolled === undefined ? {} : { authorization: `DPoP ${enrolled.credential}` }),
      },
      body: JSON.stringify(body),
    });

    await enrolled?.calls.recordResponse(response.headers.get('dpop-nonce'));
    return { response, clockCorrected: await clock.learn(response.headers.get('date')) };
  }
}

/**
 * Requires https, because over plain HTTP anybody on the network path could steal the credential.
 * Plain HTTP is for loopback alone (product.md, section 4), and only if the control plane runs on
 * this machine, which `plain` says.
 *
 * @throws `invalid_request`
 */
function requireSafeUrl(url: string, { plain }: { plain: boolean }): void {
  const { protocol, hostname } = new URL(url);
  const name = hostname.replace(/^\[|\]$/g, '');
  const isLoopback = isLoopbackName(name) || isLoopbackAddress(name);

  const isSafe = plain
    ? protocol === 'https:' || (protocol === 'http:' && isLoopback)
    : protocol === 'https:' && !isLoopback;
  if (isSafe) return;

  throw new GantryError(
    'invalid_request',
    `The control plane and the addresses that it gives must be reached by https: expected https, found ${protocol}//${hostname}.`,
    { expected: 'https', found: protocol },
  );
}
