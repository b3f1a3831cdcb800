import { z } from 'zod';
import { limits } from '../../base/limits/index.ts';
import { form, whole } from './field.ts';
import { checkServices } from './service-order.ts';

export const serviceName = form(
  /^[a-z0-9][a-z0-9-]{0,62}$/,
  'expected at most 63 lower-case letters, digits and "-", the first no "-"',
);

export const linuxCapability = form(
  /^CAP_[A-Z_]+$/,
  'expected a Linux capability such as CAP_NET_BIND_SERVICE',
);

const variable = form(
  /^[^=\p{Cc}]+$/u,
  'expected the name of an environment variable: one line without "="',
);
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  error: 'expected text, a number, true or false',
});

const port = z.strictObject({
  port: whole(1, limits.portMax),
  protocol: z.enum(['tcp', 'udp', 'sctp']),
  name: z.string().exactOptional(),
});

const health = z.strictObject({
  endpoint: z.string().exactOptional(),
  method: z.enum(['GET', 'POST', 'PUT', 'TCP']).exactOptional(),
  interval_seconds: atLeast(1),
  timeout_seconds: atLeast(1),
  initial_delay_seconds: atLeast(0),
});

function atLeast(min: number) {
  return z.int().min(min, `expected a whole number of at least ${min}`).exactOptional();
}

const dependency = z.strictObject({
  service: z.string(),
  kind: z.enum(['start_before', 'requires_health', 'softdep']).exactOptional(),
});

const service = z.strictObject({
  name: serviceName,
  start_command: z.string().exactOptional(),
  stop_command: z.string().exactOptional(),
  restart_policy: z.enum(['never', 'on-failure', 'always']).exactOptional(),
  user: z.string().exactOptional(),
  working_directory: z.string().exactOptional(),
  env: z.record(variable, scalar).exactOptional(),
  exposed_ports: z.array(port).exactOptional(),
  capabilities: z.array(linuxCapability).exactOptional(),
  health: health.exactOptional(),
  metadata: z
    .record(z.string(), z.unknown())
    .exactOptional()
    .describe('Whatever the author keeps here.'),
  unit_body: z
    .string()
    .exactOptional()
    .describe('A whole systemd unit. It excludes start_command.'),
  dependencies: z
    .array(dependency)
    .exactOptional()
    .describe('Services of this manifest that start first.'),
});

/** Processes that machines keep running. */
export const services = z.array(service).superRefine(checkServices);

/** The commands of the older form. */
export const init = z.strictObject({
  start: z.string().exactOptional(),
  stop: z.string().exactOptional(),
  restart: z.string().exactOptional(),
});
