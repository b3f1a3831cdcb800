import { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';

/** What a request reports when its answer's headers are there, for counting, logging and pacing. */
export interface RequestEvent {
  method: string;
  url: string;
  status: number;
  headers: HttpResponse['headers'];
  /** The answer is another host's, to which the registry redirected. */
  foreign: boolean;
}

export interface TransportOptions {
  /** Every connection goes through it: the place for a guard on outgoing addresses. */
  dispatcher?: Dispatcher;
  firstByteMs?: number;
  stallMs?: number;
  /** For a whole manifest, tag page or token, so that a registry that drips bytes cannot hold a worker. */
  documentMs?: number;
  /** For the answer to an upload, from its last byte on. */
  commitMs?: number;
  /** Awaited before each request but those that redirects to other hosts lead to; what it throws ends the request. */
  beforeRequest?: () => Promise<void>;
  /** Ends whatever is under way, bodies included: an `AbortSignal.timeout`. */
  signal?: AbortSignal;
  onRequest?: (event: RequestEvent) => void;
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT';

export interface HttpRequest {
  method: Method;
  url: URL;
  headers?: Record<string, string>;
  body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Sent to this request's origin only, never after a redirect to another. */
  authorization?: string | undefined;
}

export interface HttpResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Where the answer came from, after redirects. */
  url: URL;
  /** True where nothing said who asks. */
  anonymous: boolean;
  body: Dispatcher.ResponseData['body'];
}

const redirectsMax = 5;
let sharedAgent: Agent | undefined;

/** HTTP with time-outs, counted, redirected by hand; every failure below HTTP is a GantryError. */
export class Transport {
  private readonly options: TransportOptions;

  constructor(options: TransportOptions = {}) {
    this.options = options;
  }

  /**
   * Sends one request and follows redirects of GET and HEAD. Statuses are the caller's to judge.
   * @throws GantryError `registry_unreachable`, `registry_timeout`, `registry_response_invalid` (redirects, a login in an address),
   *   or what the dispatcher threw, when that is a GantryError (e.g. `address_refused`)
   */
  async send(req: HttpRequest): Promise<HttpResponse> {
    let url = req.url;
    for (let hop = 0; ; hop++) {
      assertPlain(url);
      const sameOrigin = url.origin === req.url.origin;
      if (sameOrigin) await this.options.beforeRequest?.();
      const answer = await this.once({ ...req, url }, sameOrigin);
      const follow =
        (req.method === 'GET' || req.method === 'HEAD') &&
        [301, 302, 303, 307, 308].includes(answer.status);
      if (!follow) return answer;
      await discard(answer);
      if (hop === redirectsMax) throw redirectError(req.url, `more than ${redirectsMax} redirects`);
      url = redirectTarget(url, header(answer, 'location'));
    }
  }

  private async once(req: HttpRequest, sameOrigin: boolean): Promise<HttpResponse> {
    const headers: Record<string, string> = { 'user-agent': 'gantry', ...req.headers };
    if (req.authorization !== undefined && sameOrigin) headers.authorization = req.authorization;
    const upload = streams(req.body) ? this.watchUpload(req.body, req.url.host) : null;
    const signals = [upload?.signal, this.options.signal].filter((signal) => signal !== undefined);
    try {
      const answer = await request(req.url, {
        method: req.method,
        headers,
        body: upload?.body ?? (streams(req.body) ? null : (req.body ?? null)),
        signal: signals.length > 1 ? AbortSignal.any(signals) : (signals[0] ?? null),
        dispatcher: this.options.dispatcher ?? defaultAgent(),
        // undici's clock for headers runs while a body is being sent, and would end every slow upload.
        headersTimeout: upload ? 0 : (this.options.firstByteMs ?? limits.registryFirstByteMs),
        bodyTimeout: this.options.stallMs ?? limits.registryStallMs,
      });
      const { statusCode: status, headers: answered } = answer;
      const { method, url } = req;
      this.options.onRequest?.({
        method,
        url: url.href,
        status,
        headers: answered,
        foreign: !sameOrigin,
      });
      return {
        status,
        headers: answered,
        url,
        anonymous: headers.authorization === undefined,
        body: answer.body,
      };
    } catch (error) {
      throw networkError(error, req.url.host);
    } finally {
      upload?.done();
    }
  }

  /** A body whose request is given up when the registry stops taking bytes, or does not answer after the last one. */
  private watchUpload(source: AsyncIterable<Uint8Array>, host: string) {
    const controller = new AbortController();
    const giveUp = () =>
      controller.abort(timeoutError(host, 'stopped taking an upload or did not answer to it'));
    let timer: NodeJS.Timeout | undefined;
    let answered = false;
    // A registry may answer before the stream has told its end: no clock may start then, it would outlive the upload.
    const restart = (ms: number) => {
      clearTimeout(timer);
      if (!answered) timer = setTimeout(giveUp, ms);
    };
    const stallMs = this.options.stallMs ?? limits.registryStallMs;
    const commitMs = this.options.commitMs ?? limits.registryCommitMs;
    async function* watched() {
      for await (const chunk of source) {
        restart(stallMs);
        yield chunk;
      }
      restart(commitMs);
    }
    restart(commitMs);
    const done = () => {
      answered = true;
      clearTimeout(timer);
    };
    return { body: Readable.from(watched()), signal: controller.signal, done };
  }

  /**
   * Reads a small answer whole.
   * @throws GantryError `registry_response_invalid` over `bytesMax`, `registry_timeout`, `registry_unreachable`
   */
  async read(answer: HttpResponse, bytesMax: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const documentMs = this.options.documentMs ?? limits.registryDocumentMs;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      answer.body.destroy();
    }, documentMs);
    try {
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        if (size > bytesMax) {
          throw new GantryError(
            'registry_response_invalid',
            `${answer.url.host} sent more than ${bytesMax} bytes for ${answer.url.pathname}`,
            { expected: bytesMax, found: size },
          );
        }
        chunks.push(chunk);
      }
    } catch (error) {
      if (late)
        throw timeoutError(
          answer.url.host,
          `did not finish ${answer.url.pathname} within ${documentMs} ms`,
        );
      throw networkError(error, answer.url.host);
    } finally {
      clearTimeout(timer);
      answer.body.destroy();
    }
    if (late)
      throw timeoutError(
        answer.url.host,
        `did not finish ${answer.url.pathname} within ${documentMs} ms`,
      );
    return Buffer.concat(chunks);
  }
}

/** One value of a header, the first where it was sent repeatedly. */
export function header(answer: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Drops an answer's body, so that its connection can be used again. */
export async function discard(answer: HttpResponse): Promise<void> {
  await answer.body.dump({ limit: 64 * 1024 }).catch(() => {});
}

/** Turns what undici throws into an error of the registry's; passes GantryErrors on. */
export function networkError(error: unknown, host: string): GantryError {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof GantryError) return cause;
  }
  const { code, message } = describe(error);
  // The reason of an AbortSignal.timeout.
  if (error instanceof Error && error.name === 'TimeoutError')
    return timeoutError(host, 'took too long', error);
  if (
    code === 'UND_ERR_CONNECT_TIMEOUT' ||
    code === 'UND_ERR_HEADERS_TIMEOUT' ||
    code === 'ETIMEDOUT'
  ) {
    return timeoutError(host, 'did not answer in time', error);
  }
  if (code === 'UND_ERR_BODY_TIMEOUT')
    return timeoutError(host, 'stopped sending in the middle of an answer', error);
  return new GantryError(
    'registry_unreachable',
    `${host} could not be reached or broke off: ${message}`,
    {
      details: { host, reason: code || message },
      cause: error,
    },
  );
}

function timeoutError(host: string, what: string, cause?: unknown): GantryError {
  return new GantryError('registry_timeout', `${host} ${what}`, { details: { host }, cause });
}

function streams(body: HttpRequest['body']): body is AsyncIterable<Uint8Array> {
  return body !== undefined && !(body instanceof Uint8Array);
}

function describe(error: unknown): { code: string; message: string } {
  // Several addresses tried in vain arrive as an AggregateError without a message of its own.
  const inner = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  const code = (inner as { code?: unknown } | null)?.code;
  return {
    code: typeof code === 'string' ? code : '',
    message: inner instanceof Error ? inner.message || inner.name : String(inner),
  };
}

function redirectTarget(from: URL, location: string | undefined): URL {
  if (location === undefined || !URL.canParse(location, from.href))
    throw redirectError(from, 'no usable Location');
  const to = new URL(location, from);
  if (to.protocol !== 'https:' && to.protocol !== 'http:')
    throw redirectError(from, `a redirect to ${to.protocol}`);
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw redirectError(from, `a redirect from https to http (${to.host})`);
  }
  return to;
}

/** Registries also hand out addresses in headers and challenges; one with a login in it is a trick or a leak. */
function assertPlain(url: URL): void {
  if (url.username === '' && url.password === '') return;
  throw new GantryError(
    'registry_response_invalid',
    `expected an address without a login in it, found one of ${url.host}`,
    {
      found: url.host,
    },
  );
}

function redirectError(url: URL, found: string): GantryError {
  return new GantryError(
    'registry_response_invalid',
    `expected an answer from ${url.host}, found ${found}`,
    { found },
  );
}

function defaultAgent(): Agent {
  sharedAgent ??= new Agent({
    connect: { timeout: limits.registryFirstByteMs },
    keepAliveTimeout: 4_000,
  });
  return sharedAgent;
}
