import type { LayerName } from '../domain/compose/index.ts';
import type { Names } from './resolve-names.ts';
import type { VersionChoice } from './version-choice.ts';

/** A demand of an assignment or of a manifest's `requires`. */
export interface ResolvedRequirement {
  /**
   * `<account>/<name>`, or a bare name. A bare name means a module of the requesting account, then
   * of `powernode`, otherwise a capability.
   */
  module: string;
  /**
   * An npm-style semver range; null means any version. For a capability, it applies to the version
   * of the module that provides it.
   */
  constraint: string | null;
}

/** The input of the search: `ResolutionInput` with functions that resolve names. */
export interface SearchInput<C extends VersionChoice> {
  /** The account of the template. */
  account: string;
  assigned: readonly { module: LayerName; constraint: string | null }[];
  names: Names<C>;
  available(module: LayerName): readonly C[] | null;
  requires(choice: C, module: LayerName): readonly ResolvedRequirement[];
  provides(choice: C, module: LayerName): readonly string[];
}

/** A module of the resolution, and why it is part of it. */
export interface Found<C extends VersionChoice> {
  module: LayerName;
  choice: C;
  assigned: boolean;
  required_by: LayerName[];
  chains: string[][];
}

/** A module that the search decides, with the state that it needs to try the next choice. */
export interface Decision {
  module: LayerName;
  /** Index of the next choice. */
  next: number;
  /** True when some choice satisfied the demands. */
  tried: boolean;
  /** Modules whose choices contributed to the failures so far. */
  blamed: Set<LayerName>;
  /** The number of known modules before the choice. */
  known: number;
  /** The modules that the choice requires. */
  asked: LayerName[];
}
