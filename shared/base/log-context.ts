import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

/**
 * What every log line, message and event written by one piece of work carries. It follows the
 * asynchronous calls of that work, so two messages of one batch, which run concurrently, cannot see
 * each other's keys.
 */
export type LogKeys = Record<string, unknown>;

const storage = new AsyncLocalStorage<LogKeys>();

/** Runs work with these keys beside those it already runs with. */
export function withLogKeys<T>(keys: LogKeys, work: () => T): T {
  return storage.run({ ...storage.getStore(), ...keys }, work);
}

/** Adds keys to the work that runs now, for the lines that it writes from here on. */
export function addLogKeys(keys: LogKeys): void {
  const current = storage.getStore();
  if (current !== undefined) Object.assign(current, keys);
}

/** The keys of the work that runs now. */
export function logKeys(): Readonly<LogKeys> {
  return storage.getStore() ?? {};
}

/**
 * The characters are those that cannot break a log line, a header or a query; API Gateway's ids end
 * in `=`.
 */
const correlationIdPattern = /^[A-Za-z0-9][A-Za-z0-9_=-]{0,127}$/;

/** Whether a value from outside may serve as a correlation id. */
export function isCorrelationId(value: unknown): value is string {
  return typeof value === 'string' && correlationIdPattern.test(value);
}

export function newCorrelationId(): string {
  return randomUUID();
}

/**
 * The id that leads from an API call, or a tag that poll found, to everything that follows from it.
 */
export function correlationId(): string | undefined {
  const { correlation_id } = logKeys();
  return isCorrelationId(correlation_id) ? correlation_id : undefined;
}
