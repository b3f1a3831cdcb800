import { createHash, randomBytes } from 'node:crypto';
import { limits } from '../base/limits/index.ts';
import type { CallChain } from '../domain/machines/index.ts';

/**
 * The place of a call: the nonce of the last response (null before the first) and the number of the
 * attempt with it.
 */
export interface CallPlace {
  nonce: string | null;
  attempt: number;
}

export type CallOutcome =
  | { kind: 'accepted'; chain: CallChain; nonce: string }
  /** A later attempt of the same call has overtaken it, so no one waits for its response. */
  | { kind: 'late' }
  | { kind: 'reused'; why: string };

/**
 * Detects when one credential is used from two places. Each response carries a nonce (RFC 9449,
 * section 8.2) that the next call must name. So the calls of one machine form a chain, and two
 * machines with the same key sooner or later fork it.
 *
 * A single machine may lose a response, lose power at any moment, and have its calls delivered late
 * or twice. It writes the newest nonce and the number of the attempt to its disk before each call.
 * So it never makes two calls with the same nonce and number, and it never returns to an older
 * nonce. A caller that does so has another disk.
 *
 * @param call must not be a replay of the same proof
 * @param random new for each call, base64url
 */
export function checkCall(
  chain: CallChain,
  call: CallPlace,
  random = randomBytes(18).toString('base64url'),
): CallOutcome {
  const hash = call.nonce === null ? null : createHash('sha256').update(call.nonce).digest('hex');
  const accept = (generation: number, used: CallChain['used']): CallOutcome => {
    const nonce = `${generation}.${random}`;
    const current = createHash('sha256').update(nonce).digest('hex');

    return {
      kind: 'accepted',
      nonce,
      chain: { generation, current, used: used.slice(0, limits.callsRemembered) },
    };
  };

  const entry = { nonce: hash, attempt: call.attempt };
  if (hash === chain.current) return accept(chain.generation + 1, [entry, ...chain.used]);

  const generation = readGeneration(call.nonce);
  // We issued this nonce but do not remember it, so the table was restored from a backup. The key
  // proves the rest.
  if (generation > chain.generation) return accept(generation + 1, [entry]);

  const at = chain.used.findIndex(({ nonce }) => nonce === hash);
  const before = chain.used[at];
  if (before === undefined)
    return { kind: 'reused', why: 'it names a response that another call has overtaken' };
  if (call.attempt < before.attempt) return { kind: 'late' };
  if (call.attempt === before.attempt)
    return { kind: 'reused', why: 'two calls have the same place' };
  if (at > 0)
    return { kind: 'reused', why: 'it returns to a nonce from before a received response' };

  // The response to the last attempt was lost, so its nonce is no longer valid. A caller that names
  // it has received it.
  return accept(chain.generation + 1, [entry, ...chain.used.slice(1)]);
}

/** Reads the number in one of our nonces. Returns 0 for anything else. */
function readGeneration(nonce: string | null): number {
  const [, digits] = /^(\d{1,15})\./.exec(nonce ?? '') ?? [];
  return Number(digits ?? 0);
}
