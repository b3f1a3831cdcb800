import type { LayerName } from '../domain/composition.ts';
import { splitModule } from '../domain/template.ts';
import { compareBytes } from '../domain/tree.ts';
import { GantryError } from '../error.ts';
import { limits } from '../limits.ts';
import { refuseCycles } from './resolve-cycle.ts';
import { type Clash, type Demand, explainClash } from './resolve-explain.ts';
import { type ParsedConstraint, parseConstraint, type VersionChoice } from './version-choice.ts';

/** What an assignment or a manifest's `requires` asks for. */
export interface Requirement {
  /** `<account>/<name>`, or a bare name: of the account that asks, then of `powernode`. */
  module: string;
  /** npm-style semver range; null means any version. */
  constraint: string | null;
}

export interface ResolutionInput<C extends VersionChoice> {
  /** The template's account: assignments by a bare name mean its modules. */
  account: string;
  assigned: readonly Requirement[];
  /** The choices of a module in order of preference (`versionChoices`); null where it does not exist or is not visible. */
  available(module: LayerName): readonly C[] | null;
  /** What a version's manifest requires. */
  requires(choice: C, module: LayerName): readonly Requirement[];
}

export interface ResolvedModule<C extends VersionChoice> {
  module: LayerName;
  choice: C;
  assigned: boolean;
  /** Modules of the resolution whose versions require it, sorted. */
  required_by: LayerName[];
}

/**
 * Picks one version for each assigned module and, transitively, for each module that those require: versions that
 * satisfy all constraints, the most preferred first, with backtracking (product.md, section 7). The order of assignments
 * does not matter; the result is sorted by module.
 *
 * Throws `composition_unsatisfied` with the chains of requirements that clash, `composition_cycle` naming modules that
 * require each other, `composition_too_complex` when `limits.resolutionStepsMax` versions were tried in vain or more
 * than `limits.resolutionModulesMax` modules are asked for.
 */
export function resolveVersions<C extends VersionChoice>(input: ResolutionInput<C>): ResolvedModule<C>[] {
  const resolved = new Search(input).run();
  refuseCycles(new Map(resolved.map((one) => [one.module, one.required_by])));
  return resolved;
}

/** A module that the search decides, with what it needs for going on to the next choice. */
interface Decision {
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

/**
 * Depth-first search that decides one module after the other, in the order in which they are asked for, and jumps back
 * over decisions that have nothing to do with a failure (conflict-directed backjumping, Prosser 1993).
 *
 * Invariant: `#demands` holds what the assignments and the chosen versions ask for, nothing else.
 * A failure is the set of modules whose choices led to it; null is none.
 */
class Search<C extends VersionChoice> {
  readonly #input: ResolutionInput<C>;
  readonly #order: LayerName[] = [];
  readonly #demands = new Map<LayerName, Demand[]>();
  readonly #chosen = new Map<LayerName, C>();
  readonly #constraints = new Map<string | null, ParsedConstraint>();
  readonly #choices = new Map<LayerName, readonly C[] | null>();
  #possible: Map<LayerName, Set<ParsedConstraint>> | undefined;
  #steps = 0;
  /** The first thing that could not be had: what the newest versions ask for, so what people expect to read about. */
  #clash: Clash | undefined;

  constructor(input: ResolutionInput<C>) {
    this.#input = input;
  }

  run(): ResolvedModule<C>[] {
    const assigned = this.#input.assigned.map((one) => ({
      ...one,
      module: this.#named(one.module, this.#input.account),
    }));
    assigned.sort((a, b) => compareBytes(a.module, b.module) || compareBytes(a.constraint ?? '', b.constraint ?? ''));
    for (const one of assigned) this.#ask(one.module, this.#demand(null, one.constraint));
    if (!this.#decideAll()) throw this.#unsatisfied();
    return this.#order.toSorted(compareBytes).map((module) => {
      const by = (this.#demands.get(module) ?? []).map((demand) => demand.by);
      const requiredBy = [...new Set(by.filter((name) => name !== null))].sort(compareBytes);
      return { module, choice: this.#chosen.get(module) as C, assigned: by.includes(null), required_by: requiredBy };
    });
  }

  /** Decides all modules; false when that cannot be. With a stack of its own: chains may be longer than the engine's. */
  #decideAll(): boolean {
    const decisions: Decision[] = [];
    for (;;) {
      const module = this.#order[decisions.length];
      let failure = module === undefined ? this.#refuseUnasked() : this.#decide(this.#open(module), decisions);
      if (module === undefined && failure === null) return true;
      while (failure !== null) {
        const decision = this.#jumpBack(decisions, failure);
        if (decision === undefined) return false;
        failure = this.#decide(decision, decisions);
      }
    }
  }

  #open(module: LayerName): Decision {
    const demands = this.#demands.get(module) as Demand[];
    const blamed = new Set(demands.flatMap((demand) => demand.by ?? []));
    return { module, next: 0, tried: false, blamed, known: this.#order.length, asked: [] };
  }

  /** Takes the next choice that works as far as one can see, and puts the decision on the stack; else says what failed. */
  #decide(decision: Decision, decisions: Decision[]): Set<LayerName> | null {
    const { module, blamed } = decision;
    const demands = this.#demands.get(module) as Demand[];
    const choices = this.#choicesOf(module) ?? [];
    for (let choice = choices[decision.next++]; choice !== undefined; choice = choices[decision.next++]) {
      if (!this.#isCandidate(module, choice, demands)) continue;
      decision.tried = true;
      const clashing = this.#take(decision, choice);
      if (clashing === null) {
        decisions.push(decision);
        return null;
      }
      this.#undo(decision);
      if (clashing !== module) blamed.add(clashing);
    }
    if (!decision.tried) this.#note(module);
    return blamed;
  }

  /** Undoes decisions up to the last one that has to do with a failure, and answers that one. */
  #jumpBack(decisions: Decision[], failure: Set<LayerName>): Decision | undefined {
    for (let decision = decisions.pop(); decision !== undefined; decision = decisions.pop()) {
      this.#undo(decision);
      if (!failure.has(decision.module)) continue;
      for (const other of failure) if (other !== decision.module) decision.blamed.add(other);
      return decision;
    }
    return undefined;
  }

  /** Chooses a version and asks for what it requires. Answers a module whose chosen version does not suit it, if any. */
  #take(decision: Decision, choice: C): LayerName | null {
    if (++this.#steps > limits.resolutionStepsMax) throw this.#tooComplex(`${limits.resolutionStepsMax} versions`);
    const { module } = decision;
    this.#chosen.set(module, choice);
    for (const requirement of this.#input.requires(choice, module)) {
      const required = this.#named(requirement.module, splitModule(module, this.#input.account).account);
      const demand = this.#demand(module, requirement.constraint);
      this.#ask(required, demand);
      decision.asked.push(required);
      const there = this.#chosen.get(required);
      if (there === undefined || demand.constraint.allows(there.version_string)) continue;
      this.#noteIfHopeless(required);
      return required;
    }
    return null;
  }

  #undo(decision: Decision): void {
    for (const required of decision.asked.reverse()) this.#demands.get(required)?.pop();
    decision.asked = [];
    this.#order.length = decision.known;
    this.#chosen.delete(decision.module);
  }

  #ask(module: LayerName, demand: Demand): void {
    const demands = this.#demands.get(module) ?? [];
    this.#demands.set(module, demands);
    demands.push(demand);
    if (demands.length > 1) return;
    this.#order.push(module);
    if (this.#order.length > limits.resolutionModulesMax) {
      throw this.#tooComplex(`${limits.resolutionModulesMax} modules`);
    }
  }

  #isCandidate(module: LayerName, choice: C, demands: Demand[]): boolean {
    if (choice.standing === 'withheld') return false;
    if (!demands.every((demand) => demand.constraint.allows(choice.version_string))) return false;
    return choice.standing === 'offered' || this.#mayGoBack(module, this.#possibleConstraints(module));
  }

  /** Whether constraints ask for a superseded version: they name some, and not ones among which the live version is. */
  #mayGoBack(module: LayerName, constraints: ParsedConstraint[]): boolean {
    if (constraints.every((constraint) => constraint.any)) return false;
    const withheld = (this.#choicesOf(module) ?? []).filter((choice) => choice.standing === 'withheld');
    return !withheld.some(({ version_string }) => constraints.every((constraint) => constraint.allows(version_string)));
  }

  /** Everything decided: superseded versions were taken because something might ask for them; does something? */
  #refuseUnasked(): Set<LayerName> | null {
    for (const [module, choice] of this.#chosen) {
      if (choice.standing !== 'superseded') continue;
      const constraints = (this.#demands.get(module) ?? []).map((demand) => demand.constraint);
      if (this.#mayGoBack(module, constraints)) continue;
      this.#note(module);
      return new Set(this.#chosen.keys());
    }
    return null;
  }

  /** Every constraint that the assignments or any version within reach state on a module. */
  #possibleConstraints(module: LayerName): ParsedConstraint[] {
    if (this.#possible === undefined) {
      this.#possible = new Map();
      const queue: [LayerName, string | null][] = [];
      for (const one of this.#input.assigned) {
        queue.push([this.#named(one.module, this.#input.account), one.constraint]);
      }
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
        const [name, constraint] = next;
        const known = this.#possible.get(name);
        if (known === undefined) queue.push(...this.#allRequirementsOf(name));
        this.#possible.set(name, (known ?? new Set()).add(this.#parsed(constraint)));
      }
    }
    return [...(this.#possible.get(module) ?? [])];
  }

  #allRequirementsOf(module: LayerName): [LayerName, string | null][] {
    const { account } = splitModule(module, this.#input.account);
    return (this.#choicesOf(module) ?? []).flatMap((choice) =>
      this.#input
        .requires(choice, module)
        .map((one): [LayerName, string | null] => [this.#named(one.module, account), one.constraint]),
    );
  }

  #named(module: string, own: string): LayerName {
    if (module.includes('/')) return module;
    const ownName = `${own}/${module}`;
    return this.#choicesOf(ownName) === null ? `powernode/${module}` : ownName;
  }

  #choicesOf(module: LayerName): readonly C[] | null {
    let choices = this.#choices.get(module);
    if (choices === undefined) {
      choices = this.#input.available(module);
      this.#choices.set(module, choices);
    }
    return choices;
  }

  #demand(by: LayerName | null, constraint: string | null): Demand {
    return { by, text: constraint, constraint: this.#parsed(constraint) };
  }

  #parsed(constraint: string | null): ParsedConstraint {
    const parsed = this.#constraints.get(constraint) ?? parseConstraint(constraint);
    this.#constraints.set(constraint, parsed);
    return parsed;
  }

  /** Two requirements that met one after the other: worth telling only where no other version would satisfy both. */
  #noteIfHopeless(module: LayerName): void {
    const demands = this.#demands.get(module) ?? [];
    if (!this.#choicesOf(module)?.some((choice) => this.#isCandidate(module, choice, demands))) this.#note(module);
  }

  #note(module: LayerName): void {
    this.#clash ??= explainClash(module, this.#choicesOf(module), this.#demands, this.#chosen);
  }

  #unsatisfied(): GantryError {
    const clash = this.#clash as Clash;
    return new GantryError('composition_unsatisfied', clash.sentence, { found: clash.module, details: clash });
  }

  #tooComplex(what: string): GantryError {
    const last = this.#clash === undefined ? '' : `; one thing that stood in the way: ${this.#clash.sentence}`;
    return new GantryError(
      'composition_too_complex',
      `expected the requirements to resolve within ${what}, found no answer by then${last}; narrow the constraints`,
      { expected: what, details: this.#clash },
    );
  }
}
