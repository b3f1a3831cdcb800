import type { ManifestService } from './manifest-service.ts';

/**
 * A valid manifest in canonical form: the lists of files, packages and dependencies are there,
 * `schema_version` is 1. Every other key is there only if its author wrote it. `shared/manifest`
 * reads and checks it.
 */
export interface ModuleManifest {
  schema_version: 1;
  name: string;
  display_name?: string | undefined;
  description?: string | undefined;
  /** SPDX licence expression. */
  license?: string | undefined;
  /** Slug of the category that the author expects; the registration decides. */
  category?: string;
  /** Debian packages that the build installs. */
  package_spec: string[];
  /** Globs of the files that the module ships. */
  file_spec: string[];
  /** Globs of files that are left out. */
  mask: string[];
  /** Globs of shipped files that no other module may ship. */
  protected_spec: string[];
  /** Globs that a config or instance child without a `file_spec` of its own ships. */
  dependency_spec?: string[];
  /** Globs of package files that a carved build may leave out without a warning. */
  carve_waivers?: string[];
  dependencies: {
    /** Modules and capabilities: see `parseRequirement`. */
    requires: string[];
    /** Capabilities: see `splitProvided`. */
    provides: string[];
  };
  parent_module?: string | undefined;
  init?: ManifestInit;
  services?: ManifestService[];
  jobs?: ManifestJob[];
  /** True if a new version takes effect at the next boot only. */
  reboot_required?: boolean;
  security?: ManifestSecurity;
  users?: ManifestUser[];
  groups?: ManifestGroup[];
  sudoers?: ManifestSudo[];
  verify?: { probes: ManifestProbe[] };
  skills?: unknown[];
  build?: ManifestBuild;
}

/** Commands of the older form, for a module that declares no services. */
export interface ManifestInit {
  start?: string;
  stop?: string;
  restart?: string;
}

/** A command of the module that operators and schedules may run on machines. */
export interface ManifestJob {
  name: string;
  /** Absolute path of the command in the module's tree. */
  path: string;
  /** Whether a caller may pass arguments. */
  arguments?: boolean;
}

/** What the module's processes may do. A profile of null is none. */
export interface ManifestSecurity {
  capabilities?: string[];
  selinux_profile?: string | null;
  apparmor_profile?: string | null;
  seccomp_profile?: string | null;
  /** `host:port`, `host` or a network: the only places that the module may connect to. */
  egress_allow?: string[];
  privileged?: boolean;
  user_namespace?: boolean;
}

export interface ManifestUser {
  name: string;
  uid?: number;
  primary_gid?: number;
  primary_group?: string;
  shell?: string;
  home?: string;
  gecos?: string;
  supplementary_groups?: string[];
}

export interface ManifestGroup {
  name: string;
  gid?: number;
  members?: string[];
}

export interface ManifestSudo {
  id: string;
  user: string;
  commands: string[];
  runas?: string;
  runas_user?: string;
  runas_group?: string;
  flags?: string[];
}

/** A command must be found at a path in login shells and in others. */
export interface ManifestProbe {
  name: string;
  command: string;
  resolves_to: string;
}

/** Pins that the author's own build scripts read; null inherits the script's default. */
export type ManifestBuild = Partial<Record<string, string | null>>;
