import { z } from 'zod';
import { limits } from '../shared/limits.ts';
import { readJson, writeJson } from './state.ts';

const evidence = z.object({
  /** The control plane's time at its last answer, and this machine's in that moment. */
  server_at: z.iso.datetime(),
  local_at: z.iso.datetime(),
});
type Evidence = z.infer<typeof evidence>;

/** Less than this is the way of an answer and the whole seconds of its `Date` header. */
const noiseMs = 5_000;

/**
 * This machine's clock beside the control plane's, as the `Date` header of its answers tells it (RFC 9110, section 6.6.1).
 * Proofs are made by the control plane's time, so a wrong clock shuts no machine out. What expires is judged by the later of
 * both: neither a clock that was set back nor a control plane that says so keeps an old desired state alive.
 */
export class Clock {
  readonly #now: () => Date;
  readonly #path: string | undefined;
  #evidence: Evidence | undefined;

  private constructor(now: () => Date, path: string | undefined, kept: Evidence | undefined) {
    this.#now = now;
    this.#path = path;
    this.#evidence = kept;
  }

  /** A clock that knows what the last answer told; without a path it forgets. */
  static async open(now: () => Date, path?: string): Promise<Clock> {
    const kept = path === undefined ? undefined : await readJson(path, evidence).catch(() => undefined);
    return new Clock(now, path, kept);
  }

  /** How far this machine's clock is ahead of the control plane's, negative when behind; 0 without evidence. */
  get aheadMs(): number {
    if (this.#evidence === undefined) return 0;
    const ahead = Date.parse(this.#evidence.local_at) - Date.parse(this.#evidence.server_at);
    return Math.abs(ahead) < noiseMs ? 0 : ahead;
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

  /** Takes an answer's `Date` header; answers whether the correction changed by more than the way of an answer. */
  async learn(header: string | null): Promise<boolean> {
    const server = Date.parse(header ?? '');
    if (Number.isNaN(server)) return false;
    const before = this.aheadMs;
    this.#evidence = { server_at: new Date(server).toISOString(), local_at: this.#now().toISOString() };
    if (this.#path !== undefined) await writeJson(this.#path, this.#evidence);
    return Math.abs(this.aheadMs - before) > noiseMs;
  }
}
