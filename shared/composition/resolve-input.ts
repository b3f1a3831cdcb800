import type { LayerName } from '../domain/compose/index.ts';
import type { Provided } from '../domain/modules/index.ts';
import type { ResolvedRequirement } from './requirement.ts';
import type { Names } from './resolve-names.ts';
import type { VersionChoice } from './version-choice.ts';

/** The input of the search: `ResolutionInput` with functions that resolve names. */
export interface SearchInput<C extends VersionChoice> {
  /** The account of the template. */
  account: string;
  assigned: readonly { module: LayerName; constraint: string | null }[];
  names: Names<C>;
  available(module: LayerName): readonly C[] | null;
  requires(choice: C, module: LayerName): readonly ResolvedRequirement[];
  provides(choice: C, module: LayerName): readonly Provided[];
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
