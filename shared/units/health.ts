import type { ServiceHealth } from '../domain/compose/index.ts';
import type { ManifestService } from '../domain/modules/index.ts';

/** Upstream's defaults, in seconds. */
const defaults = { interval_s: 30, timeout_s: 5, initial_delay_s: 10 };

/**
 * The health check of a service: null for none, or for one that names no place to ask. A path alone
 * is asked at the first TCP port that the service exposes.
 */
export function serviceHealth({
  health,
  exposed_ports = [],
}: ManifestService): ServiceHealth | null {
  if (health === undefined) return null;
  const { endpoint = '', method = 'GET' } = health;
  const first = exposed_ports.find(({ protocol }) => protocol === 'tcp')?.port;

  const times = {
    interval_s: health.interval_seconds ?? defaults.interval_s,
    timeout_s: health.timeout_seconds ?? defaults.timeout_s,
    initial_delay_s: health.initial_delay_seconds ?? defaults.initial_delay_s,
  };

  if (method === 'TCP') {
    const place = tcpPlace(endpoint, first);
    return place === null ? null : { kind: 'tcp', ...place, ...times };
  }

  const url = httpUrl(endpoint, first);
  return url === null ? null : { kind: 'http', method, url, ...times };
}

function tcpPlace(endpoint: string, first: number | undefined) {
  const [, , six, four, port] =
    /^(?:tcp:\/\/)?((?:\[([^\]]+)\]|([^:/[\]]*)):)?(\d{1,5})$/.exec(endpoint) ?? [];
  if (port !== undefined) return { host: six ?? (four || '127.0.0.1'), port: Number(port) };
  return endpoint === '' && first !== undefined ? { host: '127.0.0.1', port: first } : null;
}

function httpUrl(endpoint: string, first: number | undefined): string | null {
  const isPath = endpoint === '' || endpoint.startsWith('/');
  if (isPath && first === undefined) return null;

  const text = isPath
    ? `http://127.0.0.1:${first}${endpoint || '/'}`
    : /^https?:\/\//.test(endpoint)
      ? endpoint
      : `http://${endpoint.startsWith(':') ? '127.0.0.1' : ''}${endpoint}`;
  return URL.canParse(text) ? new URL(text).href : null;
}
