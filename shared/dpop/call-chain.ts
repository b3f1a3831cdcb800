import { createHash, randomBytes } from 'node:crypto';
import { limits } from '../base/limits/index.ts';
import type { CallChain } from '../domain/machines/index.ts';

/** How a call names its place: the nonce of the last answer (absent before the first) and which attempt with it this is. */
export interface CallPlace {
  nonce: string | null;
  attempt: number;
}

export type CallVerdict =
  | { kind: 'accepted'; chain: CallChain; nonce: string }
  /** Overtaken by a later attempt of the same call: nobody waits for its answer. */
  | { kind: 'late' }
  | { kind: 'reused'; why: string };

/**
 * Shows when one credential is used from two places. Each answer carries a nonce (RFC 9449, section 8.2) that the next call
 * must name, so the calls of one machine form a chain, and two machines with the same key sooner or later fork it.
 *
 * What a single machine may do without being suspected: lose an answer, lose power at any moment, have its calls delivered
 * late or twice. It keeps the newest nonce that it received, and counts its attempts with it, each on its disk before it
 * acts on it. So it never makes two calls with the same nonce and number, and once it has used a nonce it never goes back to
 * an older one: whoever does has another disk.
 *
 * Judges one call, which must be no replay of the same proof. `random` is new at each call, base64url.
 */
export function judgeCall(
  chain: CallChain,
  call: CallPlace,
  random = randomBytes(18).toString('base64url'),
): CallVerdict {
  const hash = call.nonce === null ? null : createHash('sha256').update(call.nonce).digest('hex');
  const accepted = (generation: number, used: CallChain['used']): CallVerdict => {
    const nonce = `${generation}.${random}`;
    const current = createHash('sha256').update(nonce).digest('hex');
    return {
      kind: 'accepted',
      nonce,
      chain: { generation, current, used: used.slice(0, limits.callsRemembered) },
    };
  };
  const entry = { nonce: hash, attempt: call.attempt };
  if (hash === chain.current) return accepted(chain.generation + 1, [entry, ...chain.used]);
  const generation = generationOf(call.nonce);
  // Given by us and not remembered: the table was restored from before. The key vouches for the rest.
  if (generation > chain.generation) return accepted(generation + 1, [entry]);
  const at = chain.used.findIndex(({ nonce }) => nonce === hash);
  const before = chain.used[at];
  if (before === undefined)
    return { kind: 'reused', why: 'it names an answer that another call has overtaken' };
  if (call.attempt < before.attempt) return { kind: 'late' };
  if (call.attempt === before.attempt)
    return { kind: 'reused', why: 'two calls have the same place' };
  if (at > 0) return { kind: 'reused', why: 'it goes back to before an answer that was received' };
  // The answer to the last attempt was lost: what it carried is good no more, and whoever names it has received it.
  return accepted(chain.generation + 1, [entry, ...chain.used.slice(1)]);
}

/** The number in a nonce of ours, 0 for anything else. */
function generationOf(nonce: string | null): number {
  const [, digits] = /^(\d{1,15})\./.exec(nonce ?? '') ?? [];
  return Number(digits ?? 0);
}
