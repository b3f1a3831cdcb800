import { setTimeout as sleep } from 'node:timers/promises';
import { GantryError, isGantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { ByteRange } from './byte-range.ts';
import type { ControlPlane } from './control-plane.ts';
import { discardBody, type HttpResponse, readBody, readProblem, request } from './http.ts';
import { readAhead } from './read-ahead.ts';

/** A response to a range that is not that range. The whole object may still be right. */
export class RangeRefused extends GantryError {
  constructor(name: string, expected: string, found: string) {
    const message = `A range of ${name} could not be fetched: expected ${expected}, found ${found}.`;
    super('unavailable', message, { expected, found });
  }
}

/**
 * Fetches content by its name in the desired state, from presigned URLs. The bytes are not verified
 * yet.
 */
export class ArtifactSource {
  readonly #controlPlane: ControlPlane;
  readonly #urls = new Map<string, string>();
  /** Calls for an address that are under way. */
  readonly #asked = new Map<string, Promise<string>>();
  #expected: readonly string[] = [];

  constructor(controlPlane: ControlPlane) {
    this.#controlPlane = controlPlane;
  }

  /**
   * Names that are probably opened next. The first one that is opened brings the addresses of all,
   * so that an update costs the control plane one call.
   */
  expect(names: readonly string[]): void {
    this.#expected = names;
  }

  /**
   * Opens `sha256:<hex>` (manifest, index, layer), `file-index:sha256:<hex>` (of a layer) or
   * `stored-signatures:sha256:<hex>`.
   *
   * @throws `unavailable`; the control plane's own codes, `forbidden` for a name that it does not
   * know.
   */
  async open(name: string): Promise<HttpResponse> {
    const response = await this.#request(name, {});
    if (response.status === 200) return response;

    throw new GantryError(
      'unavailable',
      `${name} could not be fetched: expected status 200, found ${response.status}.`,
      { cause: await readProblem(response, name) },
    );
  }

  async read(name: string, max: number): Promise<Buffer> {
    return readBody(await this.open(name), max, name);
  }

  /**
   * As `read`, for content that may be missing: undefined when there is none of at most `max`
   * bytes.
   *
   * @throws `unavailable` when it is not known whether there is.
   */
  async readIfServed(name: string, max: number): Promise<Buffer | undefined> {
    const response = await this.#requestIfKnown(name);
    if (response === undefined) return undefined;

    const isUsual = Number(response.headers.get('content-length') ?? 0) <= max;
    if (response.status === 200 && isUsual) return readBody(response, max, name);
    if (response.status >= 500) throw await readProblem(response, name);

    await discardBody(response);
    return undefined;
  }

  /**
   * Streams a whole object. A stream that breaks continues where it broke, a few times: a layer can
   * be larger than what a poor network delivers without a break.
   *
   * @param size The size that the object should have. An object of another size is streamed too:
   * the caller has its digest.
   */
  whole(name: string, size: number): AsyncIterable<Uint8Array> {
    return resume({ start: 0, end: size }, { received: 0, breaks: 0 }, async (range) =>
      range.start === 0 ? this.open(name) : this.#openRange(name, range, { size }),
    );
  }

  /**
   * Streams these ranges of an object one after the other, and resumes as `whole` does. A few are
   * fetched concurrently.
   *
   * @throws RangeRefused when a response is not exactly the range of an object of this size.
   */
  ranges(name: string, ranges: readonly ByteRange[], size: number): AsyncIterable<Uint8Array> {
    const progress = { received: 0, breaks: 0 };
    return readAhead(ranges, (range, signal) =>
      resume(range, progress, (rest) => this.#openRange(name, rest, { size, signal })),
    );
  }

  async #openRange(
    name: string,
    { start, end }: ByteRange,
    { size, signal }: { size: number; signal?: AbortSignal },
  ): Promise<HttpResponse> {
    const response = await this.#request(name, {
      headers: { range: `bytes=${start}-${end - 1}` },
      signal: signal ?? null,
    });

    if (response.status >= 500) throw await readProblem(response, name);
    if (response.status !== 206) {
      await discardBody(response);
      throw new RangeRefused(name, 'status 206', `status ${response.status}`);
    }

    const expected = `bytes ${start}-${end - 1}/${size}`;
    const found = response.headers.get('content-range');
    if (found === expected) return { ...response, body: exactly(name, response, end - start) };

    await discardBody(response);
    throw new RangeRefused(name, expected, found ?? 'no Content-Range');
  }

  /** Sends the request, once more with a new URL where the known one may have expired. */
  async #request(name: string, init: RequestInit): Promise<HttpResponse> {
    const known = this.#urls.get(name);
    if (known !== undefined) {
      const response = await request(known, init);
      if (response.status < 400) return response;

      // Another request may have renewed it.
      if (this.#urls.get(name) === known) this.#urls.delete(name);
      await discardBody(response);
    }

    return request(this.#urls.get(name) ?? (await this.#locateOnce(name)), init);
  }

  /** As `locate`, by one call for concurrent requests. */
  async #locateOnce(name: string): Promise<string> {
    const asked = this.#asked.get(name) ?? this.#locate(name);
    this.#asked.set(name, asked);
    return asked.finally(() => this.#asked.delete(name));
  }

  async #locate(name: string): Promise<string> {
    const others = this.#expected.filter((other) => other !== name && !this.#urls.has(other));
    const urls = await this.#askFor([name, ...others.slice(0, limits.artifactUrlsMax - 1)]);
    for (const [found, url] of Object.entries(urls)) this.#urls.set(found, url);

    const url = this.#urls.get(name);
    if (url === undefined) {
      throw new GantryError('unavailable', `The control plane gives no address for ${name}.`, {
        field: name,
      });
    }

    return url;
  }

  /** The response for a name; undefined when the control plane gives no address for it. */
  async #requestIfKnown(name: string): Promise<HttpResponse | undefined> {
    try {
      return await this.#request(name, {});
    } catch (error) {
      const isUnknown =
        isGantryError(error, 'forbidden') ||
        (isGantryError(error, 'unavailable') && error.field === name);
      if (isUnknown) return undefined;
      throw error;
    }
  }

  async #askFor([name, ...others]: [string, ...string[]]): Promise<Record<string, string>> {
    try {
      return await this.#controlPlane.artifactUrls([name, ...others]);
    } catch (error) {
      // One of them is refused: of a version that is gone, or unknown to an earlier control plane.
      if (others.length === 0 || !isGantryError(error, 'forbidden')) throw error;

      this.#expected = [];
      return this.#controlPlane.artifactUrls([name]);
    }
  }
}

/** What concurrent streams of one object received, and how often they broke. */
interface Progress {
  received: number;
  breaks: number;
}

/** Streams a range, and continues where its stream breaks. */
async function* resume(
  { start, end }: ByteRange,
  progress: Progress,
  open: (range: ByteRange) => Promise<HttpResponse>,
): AsyncGenerator<Uint8Array> {
  for (let at = start; ; ) {
    try {
      for await (const chunk of (await open({ start: at, end })).body) {
        at += chunk.length;
        progress.received += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      if (at >= end) throw error;
      await waitAfterBreak(error, progress);
    }
  }
}

/** @throws the error, if waiting cannot help: what never began is for the next tick. */
async function waitAfterBreak(error: unknown, progress: Progress): Promise<void> {
  const isBreak = isGantryError(error, 'unavailable') && !(error instanceof RangeRefused);
  if (!isBreak || progress.received === 0) throw error;

  progress.breaks++;
  if (progress.breaks > limits.agentResumesMax) throw error;
  await sleep(limits.agentResumeWaitMs * 2 ** (progress.breaks - 1));
}

async function* exactly(
  name: string,
  { body }: HttpResponse,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  let found = 0;
  for await (const chunk of body) {
    found += chunk.length;
    if (found > bytes) break;
    yield chunk;
  }

  if (found !== bytes) {
    throw new RangeRefused(name, `${bytes} bytes`, found > bytes ? 'more' : `${found} bytes`);
  }
}
