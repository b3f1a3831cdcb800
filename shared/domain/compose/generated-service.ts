import { z } from 'zod';

/** A health check with its defaults. The host of a URL is the machine's own. */
const serviceHealth = z.strictObject({
  kind: z.enum(['http', 'tcp']),
  method: z.enum(['GET', 'POST', 'PUT']).exactOptional(),
  /** Of `http`. */
  url: z.string().exactOptional(),
  /** Of `tcp`. */
  host: z.string().exactOptional(),
  port: z.int().exactOptional(),
  interval_s: z.int(),
  timeout_s: z.int(),
  initial_delay_s: z.int(),
});

export type ServiceHealth = z.infer<typeof serviceHealth>;

/** How a composition brings a service about. */
export const servicesManagedBy = ['generated', 'drop-in', 'package'] as const;

/** A systemd unit of a composition that machines start, and restart when it changes. */
export const generatedService = z.strictObject({
  /** `gantry-web:api.service`; of a package's own unit, its name: `redis-server.service`. */
  unit: z.string(),
  /** Other names of the unit. */
  aliases: z.array(z.string()),
  account: z.string(),
  module: z.string(),
  /** The name that the manifest gives the service. */
  service: z.string(),
  /**
   * `generated`: the composition has the whole unit. `drop-in`: a package has it, and the manifest
   * declares it. `package`: a package has and enables it, and no manifest declares it.
   */
  managed: z.enum(servicesManagedBy),
  /** Paths of the unit and its drop-ins in the root file system, in the order of systemd. */
  files: z.array(z.string()),
  /** Units of the composition that start before this one, sorted. */
  after: z.array(z.string()),
  /** Those of them that must be healthy before this one starts. */
  after_healthy: z.array(z.string()),
  /** Who runs it, as numbers of this root; null for root, and for users that the root lacks. */
  user: z.strictObject({ name: z.string(), uid: z.int(), gid: z.int() }).nullable(),
  /**
   * SHA-256 that differs exactly if the unit must restart: of its text, of the files that its
   * module ships, and of those that the module's config and instance children ship.
   */
  digest: z.string(),
  /** A new version of the module takes effect at the next boot only. */
  reboot_required: z.boolean(),
  health: serviceHealth.nullable(),
});

export type GeneratedService = z.infer<typeof generatedService>;
