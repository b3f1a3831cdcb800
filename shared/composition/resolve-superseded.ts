import type { LayerName } from '../domain/compose/index.ts';
import { commonAccount, splitModule } from '../domain/templates/index.ts';
import { allowsOffer } from './capability.ts';
import type { Demand } from './resolve-explain.ts';
import type { SearchInput } from './resolve-input.ts';
import type { ParsedConstraint, VersionChoice } from './version-choice.ts';

interface Options<C extends VersionChoice> {
  input: SearchInput<C>;
  choicesOf(module: LayerName): readonly C[] | null;
  parse(constraint: string | null): ParsedConstraint;
}

/** A demand that a version within reach may make. */
interface Possible {
  by: LayerName | null;
  module: LayerName;
  constraint: string | null;
  capability: string | null;
}

/** What a demand says of versions. */
type Limit = Pick<Demand, 'constraint' | 'capability'>;

/** Decides when a resolution may take superseded or unapproved versions of a module. */
export class SupersededVersions<C extends VersionChoice> {
  readonly #input: SearchInput<C>;
  readonly #choicesOf: Options<C>['choicesOf'];
  readonly #parse: Options<C>['parse'];
  readonly #demandable = new Map<LayerName, boolean>();
  #possible: Map<LayerName, Map<string, Limit>> | undefined;

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
      may = this.#mayGoBack(module, this.#possibleLimits(module));
      this.#demandable.set(module, may);
    }

    return may;
  }

  /** Returns whether these demands ask for a superseded version of the module. */
  isDemanded(module: LayerName, demands: readonly Demand[]): boolean {
    const limiting = demands.filter(({ by }) => this.#mayTakeBack(by, module));
    return this.#mayGoBack(module, limiting);
  }

  /**
   * Returns whether constraints ask for a superseded or unapproved version: they limit the
   * versions, and no withheld or pinned version satisfies them all.
   */
  #mayGoBack(module: LayerName, limits: readonly Limit[]): boolean {
    if (limits.every(({ constraint }) => constraint.any)) return false;
    const preferred = (this.#choicesOf(module) ?? []).filter(
      (choice) => choice.standing === 'withheld' || choice.pinned === true,
    );

    return !preferred.some((choice) =>
      limits.every((limit) => this.#allows(module, choice, limit)),
    );
  }

  #allows(module: LayerName, choice: C, { constraint, capability }: Limit): boolean {
    if (capability === null) return constraint.allows(choice.version_string);
    const offers = this.#input.provides(choice, module);
    return allowsOffer(constraint, { choice, offers, capability });
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
   * Returns every limit with which the assignments, or any version within reach, may move a module
   * back.
   */
  #possibleLimits(module: LayerName): Limit[] {
    this.#possible ??= this.#collectPossible();
    return [...(this.#possible.get(module)?.values() ?? [])];
  }

  #collectPossible(): Map<LayerName, Map<string, Limit>> {
    const possible = new Map<LayerName, Map<string, Limit>>();
    const queue = this.#input.assigned.map(
      (one): Possible => ({ ...one, by: null, capability: null }),
    );

    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const { by, module, constraint, capability } = next;
      if (!possible.has(module)) {
        possible.set(module, new Map());
        queue.push(...this.#allRequirementsOf(module));
      }

      if (!this.#mayTakeBack(by, module)) continue;
      const limit = { constraint: this.#parse(constraint), capability };
      possible.get(module)?.set(`${capability} ${constraint}`, limit);
    }

    return possible;
  }

  #allRequirementsOf(by: LayerName): Possible[] {
    const { account } = splitModule(by, '');
    return (this.#choicesOf(by) ?? []).flatMap((choice) =>
      this.#input.requires(choice, by).flatMap((requirement): Possible[] => {
        const { constraint } = requirement;
        const meaning = this.#input.names.meaning(requirement, account);
        if (meaning.kind === 'ambiguous') return [];

        const capability = meaning.kind === 'module' ? null : meaning.capability;
        return [{ by, module: meaning.module, constraint, capability }];
      }),
    );
  }
}
