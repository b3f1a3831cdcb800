/**
 * A valid manifest in canonical form: every list is there, `schema_version` is 1. `shared/manifest`
 * reads and checks it.
 */
export interface ModuleManifest {
  schema_version: 1;
  name: string;
  display_name?: string | undefined;
  description?: string | undefined;
  /** SPDX licence expression. */
  license?: string | undefined;
  /** Debian packages that the build installs. */
  package_spec: string[];
  /** Globs of the files that the module ships. */
  file_spec: string[];
  /** Globs of files that are left out. */
  mask: string[];
  /** Globs of shipped files that no other module may ship. */
  protected_spec: string[];
  dependencies: {
    requires: string[];
    /** Capabilities. */
    provides: string[];
  };
  parent_module?: string | undefined;
}
