import { GantryError } from '../base/error.ts';
import type { LayerName } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { commonAccount, listNamesakes } from '../domain/templates/index.ts';
import type { VersionChoice } from './version-choice.ts';

/**
 * What a name in `requires` stands for: a module; a module that provides it as a capability;
 * several that could; or nothing (`module` is then how a module of that name would be called, for
 * people to read).
 */
export type Meaning =
  | { kind: 'module'; module: LayerName }
  | { kind: 'capability'; module: LayerName; capability: string }
  | { kind: 'ambiguous'; capability: string; providers: LayerName[] }
  | { kind: 'nothing'; module: LayerName; capability: string };

export interface NamesInput<C extends VersionChoice> {
  available(module: LayerName): readonly C[] | null;
  /** Names of the capabilities that a version provides. */
  provides(choice: C, module: LayerName): readonly string[];
  /** Modules of an account that may provide a capability; the versions have the last word. */
  providers(capability: string, account: string): readonly LayerName[];
  /** Modules of the resolution that are assigned. */
  assigned: readonly LayerName[];
  /** `<account>/<capability>` → provider, as they were last time. */
  recorded: Readonly<Record<string, LayerName>>;
  /** Modules that were assigned last time. */
  assignedBefore: readonly LayerName[];
}

/**
 * Says what names mean. A full name is a module. A bare name is, in this order: the asking
 * account's module of that name; `powernode`'s; or a capability, met by
 *
 * 1. a module of any account that is assigned since the last time and provides it (of several the one whose newer
 *    version does, then the byte-wise first: all of them are in the composition anyway);
 * 2. the module that provided it last time, as long as it still does;
 * 3. any assigned module that provides it, as in 1;
 * 4. the one module of the asking account that provides it; where none does, the one of `powernode`.
 *
 * Several in step 4 are ambiguous. Modules of other accounts provide nothing unless they are
 * assigned: else anybody could put a public module into other people's machines by naming a
 * capability. Nor does an assigned one push out who provided it before by beginning to provide it
 * in a new version: that somebody assigned it says nothing of that.
 *
 * A module without any version to choose from stands behind all of these: registering a module is
 * for authors, and must not change what machines run.
 *
 * What a name means depends on the input only, never on the versions chosen so far.
 */
export class Names<C extends VersionChoice> {
  readonly #input: NamesInput<C>;
  readonly #meanings = new Map<string, Meaning>();

  constructor(input: NamesInput<C>) {
    this.#input = input;
  }

  /** `own` is the account that asks. */
  meaning(name: string, own: string): Meaning {
    if (name.includes('/')) return { kind: 'module', module: name };

    const key = `${own}/${name}`;
    const known = this.#meanings.get(key);
    if (known !== undefined) return known;

    const meaning = this.#find(name, own);
    this.#meanings.set(key, meaning);
    return meaning;
  }

  /** The capabilities asked for, with the modules that were found for them. */
  capabilities(): Record<string, LayerName> {
    const found = [...this.#meanings].flatMap(([key, meaning]): [string, LayerName][] =>
      meaning.kind === 'capability' ? [[key, meaning.module]] : [],
    );
    return Object.fromEntries(found.sort(([a], [b]) => compareBytes(a, b)));
  }

  /** Whether a name was met that means nothing, or more than one thing. */
  get unsettled(): boolean {
    return this.#meanings.values().some(({ kind }) => kind === 'nothing' || kind === 'ambiguous');
  }

  #find(name: string, own: string): Meaning {
    const { available, assigned, assignedBefore, recorded, providers } = this.#input;
    const namesakes = listNamesakes(name, own);
    const module = namesakes.find((one) => available(one)?.length);
    if (module !== undefined) return { kind: 'module', module };

    const last = recorded[`${own}/${name}`];
    const fresh = assigned.filter((one) => !assignedBefore.includes(one));

    for (const candidates of [fresh, last === undefined ? [] : [last], assigned]) {
      const [provider] = this.#providing(name, candidates);
      if (provider !== undefined) return { kind: 'capability', module: provider, capability: name };
    }

    for (const account of [own, commonAccount]) {
      const found = this.#providing(name, providers(name, account));
      if (found.length > 1)
        return { kind: 'ambiguous', capability: name, providers: found.sort(compareBytes) };
      if (found[0] !== undefined) return { kind: 'capability', module: found[0], capability: name };
    }

    const empty = namesakes.find((one) => available(one) !== null);
    if (empty !== undefined) return { kind: 'module', module: empty };

    return { kind: 'nothing', module: `${commonAccount}/${name}`, capability: name };
  }

  /**
   * Those of the modules with a version that provides the capability, best first; quarantined ones
   * where there are no others.
   */
  #providing(capability: string, modules: readonly LayerName[]): LayerName[] {
    const ranked = [...new Set(modules)].flatMap((module) => {
      const choices = this.#input.available(module) ?? [];
      const provides = (choice: C) => this.#input.provides(choice, module).includes(capability);
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

/** `asking` is the chain of requirements that leads to the version which asks. */
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
