import { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';
import { findCertificateFailure } from '../base/certificate-failure.ts';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { readBounded } from '../base/read-bounded.ts';

/**
 * What a request reports when the headers of its response have arrived: for counting, logging and
 * pacing.
 */
export interface RequestEvent {
  method: string;
  url: string;
  status: number;
  headers: HttpResponse['headers'];
  /** The response comes from another host, to which the registry redirected. */
  foreign: boolean;
}

export interface TransportOptions {
  /** Makes every connection, so it can guard outgoing addresses. */
  dispatcher?: Dispatcher;
  firstByteMs?: number;
  stallMs?: number;
  /**
   * Limit for a whole manifest, page of tags or token, so that a registry that drips bytes cannot
   * hold a worker.
   */
  documentMs?: number;
  /** Limit for the response to an upload after its last byte. */
  commitMs?: number;
  /**
   * Awaited before each request, except requests that follow redirects to other hosts. If it
   * throws, the request fails.
   */
  beforeRequest?: () => Promise<void>;
  /** Aborts requests and bodies, e.g. an `AbortSignal.timeout`. */
  signal?: AbortSignal;
  onRequest?: (event: RequestEvent) => void;
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT';

export interface HttpRequest {
  method: Method;
  url: URL;
  headers?: Record<string, string>;
  body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Sent only to the origin of this request, never after a redirect to another. */
  authorization?: string | undefined;
}

export interface HttpResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Where the response came from, after redirects. */
  url: URL;
  /** True when the request had no `Authorization`. */
  anonymous: boolean;
  body: Dispatcher.ResponseData['body'];
}

const redirectsMax = 5;
let sharedAgent: Agent | undefined;

/** HTTP with timeouts and checked redirects. Every failure below HTTP is a GantryError. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions = {}) {
    this.#options = options;
  }

  /**
   * Sends one request and follows redirects of GET and HEAD. The caller checks the status.
   * @throws GantryError `registry_unreachable`, `registry_timeout`, `registry_response_invalid`
   * (redirects, a URL with a login),
   *   or a GantryError of the dispatcher (e.g. `address_refused`)
   */
  async send(req: HttpRequest): Promise<HttpResponse> {
    let url = req.url;
    for (let hop = 0; ; hop++) {
      requireNoLogin(url);
      const sameOrigin = url.origin === req.url.origin;
      if (sameOrigin) await this.#options.beforeRequest?.();
      const answer = await this.#sendOnce({ ...req, url }, sameOrigin);
      const follow =
        (req.method === 'GET' || req.method === 'HEAD') &&
        [301, 302, 303, 307, 308].includes(answer.status);
      if (!follow) return answer;

      await discard(answer);
      if (hop === redirectsMax)
        throw redirectError(req.url, answer, `more than ${redirectsMax} redirects`);

      url = redirectTarget(url, answer);
    }
  }

  async #sendOnce(req: HttpRequest, sameOrigin: boolean): Promise<HttpResponse> {
    // Digests are about the bytes that are not encoded for the transfer, and without this header a
    // server may encode them (quay/quay#1310).
    const headers: Record<string, string> = {
      'user-agent': 'gantry',
      'accept-encoding': 'identity',
      ...req.headers,
    };
    if (req.authorization !== undefined && sameOrigin) headers.authorization = req.authorization;
    const upload = isStream(req.body) ? this.#watchUpload(req.body, req.url.host) : null;
    const signals = [upload?.signal, this.#options.signal].filter((signal) => signal !== undefined);

    try {
      const answer = await request(req.url, {
        method: req.method,
        headers,
        body: upload?.body ?? (isStream(req.body) ? null : (req.body ?? null)),
        signal: signals.length > 1 ? AbortSignal.any(signals) : (signals[0] ?? null),
        dispatcher: this.#options.dispatcher ?? defaultAgent(),
        // The header timeout of undici includes the time to send a body, so it would abort every
        // slow upload.
        headersTimeout: upload ? 0 : (this.#options.firstByteMs ?? limits.registryFirstByteMs),
        bodyTimeout: this.#options.stallMs ?? limits.registryStallMs,
      });

      const { statusCode: status, headers: answered } = answer;
      const { method, url } = req;

      this.#options.onRequest?.({
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

  /**
   * Aborts an upload when the registry stops reading bytes, or does not respond after the last one.
   */
  #watchUpload(source: AsyncIterable<Uint8Array>, host: string) {
    const controller = new AbortController();
    const giveUp = () =>
      controller.abort(timeoutError(host, 'stopped reading an upload or did not respond to it'));
    let timer: NodeJS.Timeout | undefined;
    let answered = false;
    // A registry may respond before the stream ends. No timer may start after that, because it
    // would outlive the upload.
    const restart = (ms: number) => {
      clearTimeout(timer);
      if (!answered) timer = setTimeout(giveUp, ms);
    };
    const stallMs = this.#options.stallMs ?? limits.registryStallMs;
    const commitMs = this.#options.commitMs ?? limits.registryCommitMs;

    async function* watch() {
      for await (const chunk of source) {
        restart(stallMs);
        yield chunk;
      }
      restart(commitMs);
    }

    restart(commitMs);
    const stopWatching = () => {
      answered = true;
      clearTimeout(timer);
    };

    return { body: Readable.from(watch()), signal: controller.signal, done: stopWatching };
  }

  /**
   * Reads a whole small response.
   * @throws GantryError `registry_response_invalid` over `bytesMax`, `registry_timeout`,
   * `registry_unreachable`
   */
  async read(answer: HttpResponse, bytesMax: number): Promise<Uint8Array> {
    const documentMs = this.#options.documentMs ?? limits.registryDocumentMs;
    const { host, pathname } = answer.url;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      answer.body.destroy();
    }, documentMs);

    try {
      const bytes = await readWhole(
        answer,
        bytesMax,
        (found) =>
          new GantryError(
            'registry_response_invalid',
            `${host} sent more than ${bytesMax} bytes for ${pathname}`,
            { expected: bytesMax, found },
          ),
      );
      if (!late) return bytes;
    } catch (error) {
      if (!late) throw networkError(error, host);
    } finally {
      clearTimeout(timer);
      answer.body.destroy();
    }

    throw timeoutError(host, `did not finish ${pathname} within ${documentMs} ms`);
  }
}

/**
 * Reads a whole body of at most `max` bytes. A body of a known length is never longer, because the
 * connection ends there, so it needs no count of each part.
 */
export async function readWhole(
  answer: HttpResponse,
  max: number,
  tooLarge: (found: number) => Error,
): Promise<Uint8Array> {
  const length = Number(header(answer, 'content-length'));
  return length <= max
    ? answer.body.bytes()
    : readBounded(answer.body as AsyncIterable<Uint8Array>, max, tooLarge);
}

/** Returns the value of a header, the first one if it was sent repeatedly. */
export function header(answer: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Returns the media type of a response without its parameters, in lower case. */
export function contentType(answer: Pick<HttpResponse, 'headers'>): string {
  return (header(answer, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** Drops the body of a response, so that its connection can be reused. */
export async function discard(answer: HttpResponse): Promise<void> {
  await answer.body.dump({ limit: 64 * 1024 }).catch(() => {});
}

/** Converts an error of undici to a registry error. GantryErrors pass unchanged. */
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
    return timeoutError(host, 'did not respond in time', error);
  }

  if (code === 'UND_ERR_BODY_TIMEOUT')
    return timeoutError(host, 'stopped sending in the middle of a response', error);

  const failure = findCertificateFailure(error);
  const found = failure === 'client' ? 'it refused the certificate of the client' : message;
  const cure = failure === null ? '' : `; ${certificateCures[failure]}`;
  return new GantryError(
    'registry_unreachable',
    `${host} could not be reached or closed the connection: ${found}${cure}`,
    {
      details: { host, reason: code || message },
      cause: error,
    },
  );
}

/** Both the command line and `gantry registry login` have --ca-file. */
const certificateCures = {
  authority: 'trust the authority that signed its certificate, with --ca-file',
  client: 'give one that it accepts, with --client-cert and --client-key',
};

function timeoutError(host: string, what: string, cause?: unknown): GantryError {
  return new GantryError('registry_timeout', `${host} ${what}`, { details: { host }, cause });
}

function isStream(body: HttpRequest['body']): body is AsyncIterable<Uint8Array> {
  return body !== undefined && !(body instanceof Uint8Array);
}

function describe(error: unknown): { code: string; message: string } {
  // If several addresses fail, the error is an AggregateError without a message.
  const inner = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  const code = (inner as { code?: unknown } | null)?.code;
  return {
    code: typeof code === 'string' ? code : '',
    message: inner instanceof Error ? inner.message || inner.name : String(inner),
  };
}

function redirectTarget(from: URL, answer: HttpResponse): URL {
  const location = header(answer, 'location');
  if (location === undefined || !URL.canParse(location, from.href))
    throw redirectError(from, answer, 'no usable Location');

  const to = new URL(location, from);
  if (to.protocol !== 'https:' && to.protocol !== 'http:')
    throw redirectError(from, answer, `a redirect to ${to.protocol}`);
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw redirectError(from, answer, `a redirect from https to http (${to.host})`);
  }

  return to;
}

/**
 * Registries also send URLs in headers and challenges. A URL with a login is an attack or a leak.
 */
function requireNoLogin(url: URL): void {
  if (url.username === '' && url.password === '') return;
  throw new GantryError(
    'registry_response_invalid',
    `expected a URL without a login, found one of ${url.host}`,
    {
      found: url.host,
    },
  );
}

function redirectError({ host }: URL, { status }: HttpResponse, found: string): GantryError {
  return new GantryError(
    'registry_response_invalid',
    `expected a response from ${host}, found ${found}`,
    { found, details: { host, status } },
  );
}

function defaultAgent(): Agent {
  sharedAgent ??= new Agent({
    connect: { timeout: limits.registryFirstByteMs },
    keepAliveTimeout: 4_000,
  });
  return sharedAgent;
}
