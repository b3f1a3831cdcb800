/** A demand of an assignment or of a manifest's `requires`. */
export interface ResolvedRequirement {
  /**
   * `<account>/<name>`, a bare name, or `capability:<tag>`. A bare name means a module of the
   * requesting account, then of `powernode`, otherwise a capability.
   */
  module: string;
  /**
   * A range as `parseVersionRange` reads it; null means any version. For a capability, it applies
   * to the version that the provider states for it, or else to the version of the provider.
   */
  constraint: string | null;
}
