import { GantryError } from '../base/error.ts';
import type { LayerName } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import type { Provided } from '../domain/modules/index.ts';
import { commonAccount, listNamesakes } from '../domain/templates/index.ts';
import { type WantedCapability, wantedCapability } from './capability.ts';
import type { ResolvedRequirement } from './requirement.ts';
import type { VersionChoice } from './version-choice.ts';

/**
 * The meaning of a name in `requires`: a module; a module that provides it as a capability; several
 * modules that could; or nothing. For nothing, `module` is the full name that such a module would
 * have, for people to read.
 */
export type Meaning =
  | { kind: 'module'; module: LayerName }
  | { kind: 'capability'; module: LayerName; capability: string }
  | { kind: 'ambiguous'; capability: string; providers: LayerName[] }
  | { kind: 'nothing'; module: LayerName; capability: string };

export interface NamesInput<C extends VersionChoice> {
  available(module: LayerName): readonly C[] | null;
  /** The capabilities that a version provides. */
  provides(choice: C, module: LayerName): readonly Provided[];
  /**
   * Visible modules of an account that may provide a capability. Their versions decide whether they
   * do.
   */
  providers(capability: string, account: string): readonly LayerName[];
  /** Assigned modules of the resolution. */
  assigned: readonly LayerName[];
  /** `<account>/<key of the capability>` → provider, from the last resolution. */
  recorded: Readonly<Record<string, LayerName>>;
  /** Modules that were assigned in the last resolution. */
  assignedBefore: readonly LayerName[];
}

/**
 * Resolves names. A full name is a module. A bare name is, in this order, the requesting account's
 * module of that name, `powernode`'s module of that name, or a capability. `capability:<tag>` is
 * always a capability. A capability is provided by
 *
 * 1. a module of any account that was assigned since the last resolution and provides it. Of
 *    several, the one whose newer version provides it wins, then the first in byte order: all of
 *    them are in the composition anyway.
 * 2. the module that provided it in the last resolution, as long as it still does.
 * 3. any assigned module that provides it, chosen as in 1.
 * 4. the one module of the requesting account that provides it, or without any, the one of
 *    `powernode`.
 *
 * Several modules in step 4 are ambiguous. Modules of other accounts provide nothing unless they
 * are assigned: otherwise anyone could put a public module into other people's machines by naming a
 * capability. An assigned module whose new version begins to provide a capability does not replace
 * the earlier provider either: its assignment says nothing about the capability.
 *
 * A module without a version to choose ranks last. Registering a module is for authors and must not
 * change what machines run.
 *
 * The meaning of a name depends only on the input, never on the versions chosen so far.
 */
export class Names<C extends VersionChoice> {
  readonly #input: NamesInput<C>;
  readonly #meanings = new Map<string, Meaning>();

  constructor(input: NamesInput<C>) {
    this.#input = input;
  }

  /** `own` is the requesting account. */
  meaning({ module: name, constraint }: ResolvedRequirement, own: string): Meaning {
    if (name.includes('/')) return { kind: 'module', module: name };

    const wanted = wantedCapability(name, constraint);
    const key = `${own}/${wanted.key}`;
    const known = this.#meanings.get(key);
    if (known !== undefined) return known;

    const meaning = this.#find(name, own, wanted);
    this.#meanings.set(key, meaning);
    return meaning;
  }

  /** The requested capabilities, with the modules that were found for them. */
  capabilities(): Record<string, LayerName> {
    const found = [...this.#meanings].flatMap(([key, meaning]): [string, LayerName][] =>
      meaning.kind === 'capability' ? [[key, meaning.module]] : [],
    );
    return Object.fromEntries(found.sort(([a], [b]) => compareBytes(a, b)));
  }

  /** Whether a name was found that means nothing, or more than one module. */
  get unsettled(): boolean {
    return this.#meanings.values().some(({ kind }) => kind === 'nothing' || kind === 'ambiguous');
  }

  #find(name: string, own: string, wanted: WantedCapability): Meaning {
    const { available, assigned, assignedBefore, recorded, providers } = this.#input;
    const namesakes = listNamesakes(name, own);
    const module = namesakes.find((one) => available(one)?.length);
    if (module !== undefined) return { kind: 'module', module };

    const { capability } = wanted;
    const last = recorded[`${own}/${wanted.key}`];
    const fresh = assigned.filter((one) => !assignedBefore.includes(one));

    for (const candidates of [fresh, last === undefined ? [] : [last], assigned]) {
      const [provider] = this.#providing(wanted, candidates);
      if (provider !== undefined) return { kind: 'capability', module: provider, capability };
    }

    for (const account of [own, commonAccount]) {
      const found = this.#providing(wanted, providers(capability, account));
      if (found.length > 1)
        return { kind: 'ambiguous', capability, providers: found.sort(compareBytes) };
      if (found[0] !== undefined) return { kind: 'capability', module: found[0], capability };
    }

    const empty = namesakes.find((one) => available(one) !== null);
    if (empty !== undefined) return { kind: 'module', module: empty };

    return { kind: 'nothing', module: `${commonAccount}/${name}`, capability };
  }

  /**
   * Returns the modules with a version that provides the capability, best first. Quarantined ones
   * count only if there are no others.
   */
  #providing(wanted: WantedCapability, modules: readonly LayerName[]): LayerName[] {
    const ranked = [...new Set(modules)].flatMap((module) => {
      const choices = this.#input.available(module) ?? [];
      const provides = (choice: C) => wanted.isMetBy(choice, this.#input.provides(choice, module));
      const rank = choices.findIndex(
        (choice) => choice.standing !== 'withheld' && provides(choice),
      );

      return rank !== -1
        ? [{ module, rank }]
        : choices.some(provides)
          ? [{ module, rank: Infinity }]
          : [];
    });

    const usable = ranked.filter(({ rank }) => rank !== Infinity);
    return (usable.length > 0 ? usable : ranked)
      .sort((a, b) => (a.rank === b.rank ? compareBytes(a.module, b.module) : a.rank - b.rank))
      .map(({ module }) => module);
  }
}

/** `asking` is the chain of requirements that leads to the requiring version. */
export function ambiguousError(
  meaning: Extract<Meaning, { kind: 'ambiguous' }>,
  asking: string[],
): GantryError {
  const { capability, providers } = meaning;
  return new GantryError(
    'composition_ambiguous',
    `expected one module that provides ${capability} for assigned ${asking.join(' → ')}, found ` +
      `${providers.join(' and ')}; assign the one that is meant`,
    {
      expected: capability,
      found: providers,
      details: { capability, providers, chain: asking },
    },
  );
}
