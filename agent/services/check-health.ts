import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { ServiceHealth } from '../../shared/domain/compose/index.ts';
import type { MachineService } from './services-record.ts';

/** Names of the machine itself. A check asks no other one. */
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[?::1?\]?)$/;

/**
 * Asks a service once whether it is healthy.
 *
 * @returns what is wrong, as the end of a sentence; undefined when it is healthy or has no check
 */
export async function checkHealth(health: ServiceHealth | null): Promise<string | undefined> {
  if (health === null) return undefined;
  const timeoutMs = health.timeout_s * 1000;
  return health.kind === 'tcp'
    ? checkTcp(health.host ?? '127.0.0.1', health.port ?? 0, timeoutMs)
    : checkHttp(health.url ?? '', health.method ?? 'GET', timeoutMs);
}

async function checkHttp(
  url: string,
  method: string,
  timeoutMs: number,
): Promise<string | undefined> {
  const { hostname } = new URL(url);
  if (!loopback.test(hostname)) return notHereSentence(hostname);

  try {
    const signal = AbortSignal.timeout(timeoutMs);
    // A redirect is a response of the service; where it leads to says nothing about it.
    const response = await fetch(url, { method, signal, redirect: 'manual' });
    await response.body?.cancel();
    return response.status < 400
      ? undefined
      : `${method} ${url} expected a status below 400, found ${response.status}`;
  } catch (error) {
    const { cause, message } = error as Error;
    return `${method} ${url} failed: ${cause instanceof Error ? cause.message : message}`;
  }
}

async function checkTcp(
  host: string,
  port: number,
  timeoutMs: number,
): Promise<string | undefined> {
  if (!loopback.test(host)) return notHereSentence(host);

  const place = `${host} port ${port}`;
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (what: string | undefined) => {
      socket.destroy();
      resolve(what);
    };
    socket.once('connect', () => end(undefined));
    socket.once('timeout', () => end(`${place} did not accept a connection in time`));
    socket.once('error', ({ message }) => end(`${place} accepts no connection: ${message}`));
  });
}

function notHereSentence(host: string): string {
  return `its check asks ${host}, expected this machine (127.0.0.1)`;
}

/** How long a service that was just started may take until it counts as unhealthy. */
export function healthWaitMs(health: ServiceHealth | null): number {
  if (health === null) return 0;
  const { initial_delay_s, interval_s, timeout_s } = health;
  // Three tries, as for a service that runs: the first after the delay.
  const waitMs = 1000 * (initial_delay_s + 2 * interval_s + timeout_s);
  return Math.min(waitMs, limits.agentHealthWaitMaxMs);
}

/**
 * Waits until a service that was just started is healthy: after its delay, it is asked each second.
 *
 * @returns what is wrong at the end; undefined when it is healthy
 */
export async function awaitHealthy({ health }: MachineService): Promise<string | undefined> {
  if (health === null) return undefined;

  const deadline = Date.now() + healthWaitMs(health);
  await sleep(Math.min(health.initial_delay_s * 1000, limits.agentHealthWaitMaxMs));
  for (;;) {
    const fault = await checkHealth(health);
    if (fault === undefined || Date.now() >= deadline) return fault;
    await sleep(limits.agentHealthPollMs);
  }
}

export function probeFailedError(unit: string, what: string): GantryError {
  return new GantryError('probe_failed', `${unit} is not healthy: ${what}.`, { field: unit });
}
