import { z } from 'zod';
import { limits } from '../shared/base/limits/index.ts';
import { readJson, writeJson } from './state.ts';

const evidence = z.object({
  /** The control plane's time at its last answer. */
  server_at: z.iso.datetime(),
  /** How far this machine's clock was ahead of it, negative when behind. */
  ahead_ms: z.number(),
});
type Evidence = z.infer<typeof evidence>;

/** A change by less than this is the way of an answer and the whole seconds of its `Date` header: it changes nothing. */
const noiseMs = 5_000;

/** Years have four digits in HTTP (RFC 9110, section 5.6.7). */
const lastHttpDate = Date.parse('9999-12-31T23:59:59Z');

/**
 * This machine's clock beside the control plane's, as the `Date` headers of it and its bucket tell it (RFC 9110, section 6.6.1).
 * Proofs are made by the control plane's time, so a wrong clock shuts no machine out. What expires is judged by the later of
 * both: neither a clock that was set back nor a control plane that says so keeps an old desired state alive.
 */
export class Clock {
  readonly #now: () => Date;
  readonly #path: string | undefined;
  #evidence: Evidence | undefined;
  #keptAt: number;

  private constructor(now: () => Date, path: string | undefined, kept: Evidence | undefined) {
    this.#now = now;
    this.#path = path;
    this.#evidence = kept;
    this.#keptAt = Date.parse(kept?.server_at ?? '1970-01-01T00:00:00Z');
  }

  /** A clock that knows what the last answer told; without a path it forgets. */
  static async open(now: () => Date, path?: string): Promise<Clock> {
    const kept =
      path === undefined ? undefined : await readJson(path, evidence).catch(() => undefined);
    return new Clock(now, path, kept);
  }

  /** How far this machine's clock is ahead of the control plane's, negative when behind; 0 without evidence. */
  get aheadMs(): number {
    return this.#evidence?.ahead_ms ?? 0;
  }

  /** A sentence about a clock that is too wrong for proofs made by it, or undefined. */
  get skew(): string | undefined {
    const { aheadMs } = this;
    if (Math.abs(aheadMs) <= limits.clockSkewMs) return undefined;
    const way = aheadMs > 0 ? 'ahead of' : 'behind';
    return `This machine's clock is ${Math.round(Math.abs(aheadMs) / 1000)} s ${way} the control plane's; set it.`;
  }

  /** The control plane's time, as well as this machine knows it. */
  server(): Date {
    return new Date(this.#now().getTime() - this.aheadMs);
  }

  /** The time by which things expire here. */
  latest(): Date {
    const told = Date.parse(this.#evidence?.server_at ?? '1970-01-01T00:00:00Z');
    return new Date(Math.max(this.#now().getTime(), this.server().getTime(), told));
  }

  /** Takes an answer's `Date` header; answers whether that corrected what was known. */
  async learn(header: string | null): Promise<boolean> {
    const server = Date.parse(header ?? '');
    // A time that no clock can pass would leave nothing to compare expiry with.
    if (Number.isNaN(server) || server > lastHttpDate) return false;
    const ahead = this.#now().getTime() - server;
    const corrected = Math.abs(ahead - this.aheadMs) > noiseMs;
    this.#evidence = {
      server_at: new Date(server).toISOString(),
      ahead_ms: corrected ? ahead : this.aheadMs,
    };
    // Kept when it says something new: not on the disk each minute.
    if (
      this.#path !== undefined &&
      (corrected || Math.abs(server - this.#keptAt) > limits.agentHeartbeatMs)
    ) {
      await writeJson(this.#path, this.#evidence);
      this.#keptAt = server;
    }
    return corrected;
  }
}
