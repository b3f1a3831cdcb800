import { z } from 'zod';
import { limits } from '../../shared/base/limits/index.ts';
import { readJson, writeJson } from '../state.ts';

const clockSample = z.object({
  /** The control plane's time at its last response. */
  server_at: z.iso.datetime(),
  /** How far this machine's clock was ahead of that time; negative if it was behind. */
  ahead_ms: z.number(),
});
type ClockSample = z.infer<typeof clockSample>;

/**
 * A smaller change comes from the time that a response takes and from the whole seconds of `Date`:
 * it is ignored.
 */
const noiseMs = 5_000;

/** Years have four digits in HTTP (RFC 9110, section 5.6.7). */
const lastHttpDate = Date.parse('9999-12-31T23:59:59Z');

/**
 * This machine's clock beside the control plane's, as the `Date` headers of it and its bucket show
 * it (RFC 9110, section 6.6.1). Proofs use the control plane's time, so a wrong clock locks no
 * machine out. Expiry is judged by the later of the two: neither a clock that was set back nor a
 * control plane that lies keeps an old desired state alive.
 */
export class Clock {
  readonly #now: () => Date;
  readonly #path: string | undefined;
  #sample: ClockSample | undefined;
  #savedAt: number;

  private constructor(now: () => Date, path: string | undefined, saved: ClockSample | undefined) {
    this.#now = now;
    this.#path = path;
    this.#sample = saved;
    this.#savedAt = Date.parse(saved?.server_at ?? '1970-01-01T00:00:00Z');
  }

  /**
   * A clock that starts with the saved sample of the last response. Without a path it saves no
   * sample.
   */
  static async open(now: () => Date, path?: string): Promise<Clock> {
    const saved =
      path === undefined ? undefined : await readJson(path, clockSample).catch(() => undefined);
    return new Clock(now, path, saved);
  }

  /**
   * How far this machine's clock is ahead of the control plane's; negative when behind, 0 without a
   * sample.
   */
  get aheadMs(): number {
    return this.#sample?.ahead_ms ?? 0;
  }

  /** A sentence that says how wrong the clock is; undefined if it is accurate enough for proofs. */
  get skew(): string | undefined {
    const { aheadMs } = this;
    if (Math.abs(aheadMs) <= limits.clockSkewMs) return undefined;

    const direction = aheadMs > 0 ? 'ahead of' : 'behind';
    const seconds = Math.round(Math.abs(aheadMs) / 1000);
    return `This machine's clock is ${seconds} s ${direction} the control plane's; set it.`;
  }

  /** The control plane's time, as this machine estimates it. */
  server(): Date {
    return new Date(this.#now().getTime() - this.aheadMs);
  }

  /** The time that expiry is judged by. */
  latest(): Date {
    const lastResponse = Date.parse(this.#sample?.server_at ?? '1970-01-01T00:00:00Z');
    return new Date(Math.max(this.#now().getTime(), this.server().getTime(), lastResponse));
  }

  /** Takes the `Date` header of a response, and returns whether it corrected what was known. */
  async learn(header: string | null): Promise<boolean> {
    const server = Date.parse(header ?? '');
    // A sample beyond every possible time would make every later comparison with expiry useless.
    if (Number.isNaN(server) || server > lastHttpDate) return false;

    const ahead = this.#now().getTime() - server;
    const corrected = Math.abs(ahead - this.aheadMs) > noiseMs;

    this.#sample = {
      server_at: new Date(server).toISOString(),
      ahead_ms: corrected ? ahead : this.aheadMs,
    };

    // Save it only if it changed, to avoid a disk write each minute.
    if (corrected || Math.abs(server - this.#savedAt) > limits.agentHeartbeatMs) {
      await this.#save(this.#sample);
      this.#savedAt = server;
    }

    return corrected;
  }

  /** A full disk may prevent saving the time. The response is used nevertheless. */
  async #save(sample: ClockSample): Promise<void> {
    if (this.#path !== undefined) await writeJson(this.#path, sample).catch(() => undefined);
  }
}
