import type { LayerName } from '../domain/compose/index.ts';
import { commonAccount, splitModule } from '../domain/templates/index.ts';
import type { Demand } from './resolve-explain.ts';
import type { SearchInput } from './resolve-input.ts';
import type { ParsedConstraint, VersionChoice } from './version-choice.ts';

interface Options<C extends VersionChoice> {
  input: SearchInput<C>;
  choicesOf(module: LayerName): readonly C[] | null;
  parse(constraint: string | null): ParsedConstraint;
}

/** Decides when a resolution may take superseded or unapproved versions of a module. */
export class SupersededVersions<C extends VersionChoice> {
  readonly #input: SearchInput<C>;
  readonly #choicesOf: Options<C>['choicesOf'];
  readonly #parse: Options<C>['parse'];
  readonly #demandable = new Map<LayerName, boolean>();
  #possible: Map<LayerName, Set<ParsedConstraint>> | undefined;

  constructor({ input, choicesOf, parse }: Options<C>) {
    this.#input = input;
    this.#choicesOf = choicesOf;
    this.#parse = parse;
  }

  /**
   * Returns whether the assignments, or any version within reach, may demand a superseded version
   * of the module.
   */
  mayBeDemanded(module: LayerName): boolean {
    let may = this.#demandable.get(module);
    if (may === undefined) {
      may = this.#mayGoBack(module, this.#possibleConstraints(module));
      this.#demandable.set(module, may);
    }

    return may;
  }

  /** Returns whether these demands ask for a superseded version of the module. */
  isDemanded(module: LayerName, demands: readonly Demand[]): boolean {
    const constraints = demands
      .filter(({ by }) => this.#mayTakeBack(by, module))
      .map((demand) => demand.constraint);
    return this.#mayGoBack(module, constraints);
  }

  /**
   * Returns whether constraints ask for a superseded or unapproved version: they limit the
   * versions, and no withheld or pinned version satisfies them all.
   */
  #mayGoBack(module: LayerName, constraints: ParsedConstraint[]): boolean {
    if (constraints.every((constraint) => constraint.any)) return false;
    const preferred = (this.#choicesOf(module) ?? []).filter(
      (choice) => choice.standing === 'withheld' || choice.pinned === true,
    );

    return !preferred.some(({ version_string }) =>
      constraints.every((constraint) => constraint.allows(version_string)),
    );
  }

  /**
   * Returns whether a demand may move a module back to a superseded version. A requirement of
   * another account cannot move back what the template's account assigned, or the account's own
   * modules: for that the operator states a constraint. `powernode` may do so, and each account may
   * for its own modules.
   */
  #mayTakeBack(by: LayerName | null, module: LayerName): boolean {
    if (by === null) return true;

    const own = this.#input.account;
    const [asker, asked] = [by, module].map((name) => splitModule(name, own).account);
    if (asker === own || asker === commonAccount || asker === asked) return true;

    return asked !== own && !this.#input.assigned.some((one) => one.module === module);
  }

  /**
   * Returns every constraint with which the assignments, or any version within reach, may move a
   * module back.
   */
  #possibleConstraints(module: LayerName): ParsedConstraint[] {
    this.#possible ??= this.#collectPossible();
    return [...(this.#possible.get(module) ?? [])];
  }

  #collectPossible(): Map<LayerName, Set<ParsedConstraint>> {
    const possible = new Map<LayerName, Set<ParsedConstraint>>();
    const queue = this.#input.assigned.map(
      ({ module, constraint }): [LayerName | null, LayerName, string | null] => [
        null,
        module,
        constraint,
      ],
    );

    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const [by, name, constraint] = next;
      if (!possible.has(name)) {
        possible.set(name, new Set());
        for (const one of this.#allRequirementsOf(name)) queue.push([name, ...one]);
      }

      if (this.#mayTakeBack(by, name)) possible.get(name)?.add(this.#parse(constraint));
    }

    return possible;
  }

  #allRequirementsOf(name: LayerName): [LayerName, string | null][] {
    const { account } = splitModule(name, '');
    return (this.#choicesOf(name) ?? []).flatMap((choice) =>
      this.#input
        .requires(choice, name)
        .flatMap(({ module, constraint }): [LayerName, string | null][] => {
          const meaning = this.#input.names.meaning(module, account);
          return meaning.kind === 'ambiguous' ? [] : [[meaning.module, constraint]];
        }),
    );
  }
}
