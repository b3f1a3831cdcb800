/** A process that machines keep running, as a systemd unit. */
export interface ManifestService {
  name: string;
  start_command?: string;
  stop_command?: string;
  restart_policy?: 'never' | 'on-failure' | 'always';
  user?: string;
  working_directory?: string;
  env?: Record<string, string | number | boolean | null>;
  exposed_ports?: ManifestPort[];
  /** `CAP_…` */
  capabilities?: string[];
  health?: ManifestHealth;
  /** Whatever the author keeps here; nothing reads it. */
  metadata?: Record<string, unknown>;
  /** A whole systemd unit, instead of the fields above. */
  unit_body?: string;
  dependencies?: ManifestServiceDependency[];
}

export interface ManifestPort {
  port: number;
  protocol: 'tcp' | 'udp' | 'sctp';
  name?: string;
}

export interface ManifestHealth {
  endpoint?: string;
  method?: 'GET' | 'POST' | 'PUT' | 'TCP';
  interval_seconds?: number;
  timeout_seconds?: number;
  initial_delay_seconds?: number;
}

/** Another service of the same manifest that is started first. */
export interface ManifestServiceDependency {
  service: string;
  kind?: 'start_before' | 'requires_health' | 'softdep';
}
