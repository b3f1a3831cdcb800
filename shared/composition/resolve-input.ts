import type { LayerName } from '../domain/compose/index.ts';
import type { Names } from './resolve-names.ts';
import type { VersionChoice } from './version-choice.ts';

/** What an assignment or a manifest's `requires` asks for. */
export interface ResolvedRequirement {
  /**
   * `<account>/<name>`, or a bare name: of the account that asks, then of `powernode`, else a
   * capability.
   */
  module: string;
  /**
   * npm-style semver range; null means any version. Of a capability: asked of the version of the
   * module that provides it.
   */
  constraint: string | null;
}

/** What the search works on: `ResolutionInput` with names that can be asked. */
export interface SearchInput<C extends VersionChoice> {
  /** Whose template it is. */
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

/** A module that the search decides, with what it needs for going on to the next choice. */
export interface Decision {
  module: LayerName;
  /** Index of the next choice. */
  next: number;
  /** Some choice satisfied the demands. */
  tried: boolean;
  /** Modules whose choices have to do with the failures so far. */
  blamed: Set<LayerName>;
  /** How many modules were asked for before the choice. */
  known: number;
  /** What the choice asked for. */
  asked: LayerName[];
}
