import { transact, type Write } from '../../store/table/index.ts';
import type { Services } from './services.ts';

/**
 * Makes the writes of a create, all or none. For a request with an `Idempotency-Key`, the same
 * transaction keeps the result, so that no crash separates the effect from the response.
 * @param result what the create returns; a request that is repeated after a crash gets it
 */
export async function commit<Result>(
  services: Services,
  writes: readonly Write[],
  result: Result,
): Promise<Result> {
  await transact(services.db, [...writes, ...(services.keep?.(result) ?? [])]);
  return result;
}

/**
 * The services of a step that follows the create of its request: the create's result is kept
 * already, and the result of the step must not replace it.
 */
export function withoutKeep({ keep: _, ...services }: Services): Services {
  return services;
}

/**
 * The services of a create whose response has more than the result of its action: `toResult` adds
 * it, so that a repeated request gets all of it.
 */
export function keepAs<Result>(
  { keep, ...services }: Services,
  toResult: (result: Result) => unknown,
): Services {
  if (keep === undefined) return services;
  return { ...services, keep: (result) => keep(toResult(result as Result)) };
}
