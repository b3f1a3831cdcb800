import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { LayerName } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { splitModule } from '../domain/templates/index.ts';
import { cycleError, hasCycle } from './resolve-cycle.ts';
import {
  chainOf,
  chainTo,
  type Demand,
  explainClash,
  unsatisfiedError,
} from './resolve-explain.ts';
import { ambiguousError, commonAccount, type Meaning, type Names } from './resolve-names.ts';
import { type ParsedConstraint, parseConstraint, type VersionChoice } from './version-choice.ts';

/** What an assignment or a manifest's `requires` asks for. */
export interface Requirement {
  /** `<account>/<name>`, or a bare name: of the account that asks, then of `powernode`, else a capability. */
  module: string;
  /** npm-style semver range; null means any version. Of a capability: asked of the version of the module that provides it. */
  constraint: string | null;
}

/** What the search works on: `ResolutionInput` with names that can be asked. */
export interface SearchInput<C extends VersionChoice> {
  /** Whose template it is. */
  account: string;
  assigned: readonly { module: LayerName; constraint: string | null }[];
  names: Names<C>;
  available(module: LayerName): readonly C[] | null;
  requires(choice: C, module: LayerName): readonly Requirement[];
  provides(choice: C, module: LayerName): readonly string[];
}

export interface Found<C extends VersionChoice> {
  module: LayerName;
  choice: C;
  assigned: boolean;
  required_by: LayerName[];
  chains: string[][];
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

/** What a demand costs beside trying a version: to be made, and to be asked whether a version meets it. There may be many. */
const checkSteps = 1 / 256;

/**
 * Depth-first search that decides one module after the other, in the order in which they are asked for, and jumps back
 * over decisions that have nothing to do with a failure (conflict-directed backjumping, Prosser 1993).
 *
 * Invariant: `#demands` holds what the assignments and the chosen versions ask for, nothing else.
 * A failure is the set of modules whose choices led to it; null is none.
 *
 * Cycles are rare and looking for them at each choice is dear, so the first search looks once, at its end; when there is
 * one, the search starts again and looks at each choice.
 */
export class Search<C extends VersionChoice> {
  readonly #input: SearchInput<C>;
  readonly #order: LayerName[] = [];
  readonly #demands = new Map<LayerName, Demand[]>();
  readonly #chosen = new Map<LayerName, C>();
  readonly #constraints = new Map<string | null, ParsedConstraint>();
  readonly #choices = new Map<LayerName, readonly C[] | null>();
  #possible: Map<LayerName, Set<ParsedConstraint>> | undefined;
  /** Whether superseded versions of a module may be asked for. */
  readonly #superseded = new Map<LayerName, boolean>();
  #watchCycles = false;
  #steps = 0;
  /** The first thing that could not be had: what the newest versions ask for, so what people expect to read about. */
  #reason: GantryError | undefined;
  /** The first two demands that no one version met: told where it is all that there is to tell. */
  #firstClash: GantryError | undefined;

  constructor(input: SearchInput<C>) {
    this.#input = input;
  }

  run(): Found<C>[] {
    for (const { module, constraint } of this.#input.assigned)
      this.#ask(module, this.#demand(null, constraint, null));
    if (!this.#decideAll()) throw this.#reason ?? this.#firstClash;
    return this.#order.toSorted(compareBytes).map((module) => {
      const by = (this.#demands.get(module) ?? []).map((demand) => demand.by);
      return {
        module,
        choice: this.#chosen.get(module) as C,
        assigned: by.includes(null),
        required_by: [...new Set(by.filter((name) => name !== null))].sort(compareBytes),
        chains: (this.#demands.get(module) ?? []).map((one) =>
          chainOf(module, one, this.#demands, this.#chosen),
        ),
      };
    });
  }

  /** Every module that was looked at with the choices that it had. */
  get considered(): ReadonlyMap<LayerName, readonly C[] | null> {
    return this.#choices;
  }

  /** Decides all modules; false when that cannot be. With a stack of its own: chains may be longer than the engine's. */
  #decideAll(): boolean {
    const decisions: Decision[] = [];

    for (;;) {
      const module = this.#order[decisions.length];
      const failure =
        module === undefined ? this.#refuseUnasked() : this.#decide(this.#open(module), decisions);

      if (failure !== null) {
        if (!this.#recover(decisions, failure)) return false;
      } else if (module === undefined) {
        if (this.#watchCycles || !hasCycle(this.#requiredBy())) return true;
        this.#restart(decisions);
      }
    }
  }

  /** Starts again, and looks for cycles at each choice. */
  #restart(decisions: Decision[]): void {
    this.#watchCycles = true;
    for (let last = decisions.pop(); last !== undefined; last = decisions.pop()) this.#undo(last);
  }

  /** Goes back until another choice works; false when none is left. */
  #recover(decisions: Decision[], first: Set<LayerName>): boolean {
    for (let failure: Set<LayerName> | null = first; failure !== null; ) {
      const decision = this.#jumpBack(decisions, failure);
      if (decision === undefined) return false;
      failure = this.#decide(decision, decisions);
    }
    return true;
  }

  /** To blame are at first who asked for the module, then who rules a version out; one each, the first, is enough. */
  #open(module: LayerName): Decision {
    const asker = this.#demands.get(module)?.[0]?.by ?? null;
    const blamed = new Set(asker === null ? [] : [asker]);
    return { module, next: 0, tried: false, blamed, known: this.#order.length, asked: [] };
  }

  /** Takes the next choice that works as far as one can see, and puts the decision on the stack; else says what failed. */
  #decide(decision: Decision, decisions: Decision[]): Set<LayerName> | null {
    const { module, blamed } = decision;
    const demands = this.#demands.get(module) as Demand[];
    const choices = this.#choicesOf(module) ?? [];
    for (
      let choice = choices[decision.next++];
      choice !== undefined;
      choice = choices[decision.next++]
    ) {
      if (!this.#isHandedOut(module, choice)) continue;

      const unmet = demands.find((demand) => !this.#suits(module, choice, demand));
      if (unmet !== undefined) {
        if (unmet.by !== null) blamed.add(unmet.by);
        continue;
      }

      if (this.#try(decision, choice)) {
        decisions.push(decision);
        return null;
      }
    }

    if (!decision.tried) this.#note(module);
    return blamed;
  }

  /** Takes a choice; where it clashes, undoes it and blames the modules that it clashes with. */
  #try(decision: Decision, choice: C): boolean {
    decision.tried = true;
    const clashing = this.#take(decision, choice);
    if (clashing === null) return true;

    this.#undo(decision);
    for (const other of clashing) if (other !== decision.module) decision.blamed.add(other);
    return false;
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

  /** Chooses a version and asks for what it requires. Answers the modules whose chosen versions do not suit it, if any. */
  #take(decision: Decision, choice: C): LayerName[] | null {
    this.#step(1);
    const { module } = decision;
    const { account } = splitModule(module, '');
    this.#chosen.set(module, choice);
    const above = this.#watchCycles ? this.#above(module) : null;
    for (const requirement of this.#input.requires(choice, module)) {
      this.#step(checkSteps);
      const meaning = this.#input.names.meaning(requirement.module, account);
      if (meaning.kind === 'ambiguous') return this.#refuseAmbiguous(meaning, module);
      const required = meaning.module;
      const demand = this.#demand(
        module,
        requirement.constraint,
        meaning.kind === 'module' ? null : meaning.capability,
      );
      this.#ask(required, demand);
      decision.asked.push(required);
      const there = this.#chosen.get(required);
      if (required === module) return this.#refuseCycle(new Map([[module, null]]), module);
      if (there !== undefined && !this.#suits(required, there, demand)) {
        this.#noteClash(required);
        return [required];
      }
      if (above?.has(required)) return this.#refuseCycle(above, required);
    }
    return null;
  }

  #refuseAmbiguous(
    meaning: Extract<Meaning, { kind: 'ambiguous' }>,
    module: LayerName,
  ): LayerName[] {
    this.#reason ??= ambiguousError(meaning, chainTo(module, this.#demands, this.#chosen));
    return [module];
  }

  #refuseCycle(above: ReadonlyMap<LayerName, LayerName | null>, from: LayerName): LayerName[] {
    const cycle: LayerName[] = [];
    for (let at: LayerName | null | undefined = from; at != null; at = above.get(at))
      cycle.push(at);
    this.#reason ??= cycleError(cycle);
    return cycle;
  }

  /** A chosen module and all that lead to it, each with the next one on its way there; null for the module itself. */
  #above(module: LayerName): Map<LayerName, LayerName | null> {
    const above = new Map<LayerName, LayerName | null>([[module, null]]);
    for (const [at] of above) {
      for (const { by } of this.#demands.get(at) ?? [])
        if (by !== null && !above.has(by)) above.set(by, at);
    }
    // So that many long walks count as what they are.
    this.#step(above.size >> 6);
    return above;
  }

  #requiredBy(): Map<LayerName, LayerName[]> {
    const by = (module: LayerName) =>
      (this.#demands.get(module) ?? []).flatMap((demand) => demand.by ?? []);
    return new Map(this.#order.map((module) => [module, by(module)]));
  }

  #step(count: number): void {
    this.#steps += count;
    if (this.#steps > limits.resolutionStepsMax)
      throw this.#tooComplex(`${limits.resolutionStepsMax} versions`);
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

  /** Whether a version is to be had if something asks for it. */
  #isHandedOut(module: LayerName, { standing }: C): boolean {
    if (standing !== 'superseded') return standing === 'offered';
    let may = this.#superseded.get(module);
    if (may === undefined) {
      may = this.#mayGoBack(module, this.#possibleConstraints(module));
      this.#superseded.set(module, may);
    }
    return may;
  }

  #suits(module: LayerName, choice: C, demand: Demand): boolean {
    this.#step(checkSteps);
    return this.#meets(module, choice, demand);
  }

  #meets(module: LayerName, choice: C, { constraint, capability }: Demand): boolean {
    if (!constraint.allows(choice.version_string)) return false;
    return capability === null || this.#input.provides(choice, module).includes(capability);
  }

  /** Whether constraints ask for a superseded version: they name some, and not ones among which the live version is. */
  #mayGoBack(module: LayerName, constraints: ParsedConstraint[]): boolean {
    if (constraints.every((constraint) => constraint.any)) return false;
    const withheld = (this.#choicesOf(module) ?? []).filter(
      (choice) => choice.standing === 'withheld',
    );
    return !withheld.some(({ version_string }) =>
      constraints.every((constraint) => constraint.allows(version_string)),
    );
  }

  /** Everything decided: superseded versions were taken because something might ask for them; does something? */
  #refuseUnasked(): Set<LayerName> | null {
    for (const [module, choice] of this.#chosen) {
      if (choice.standing !== 'superseded') continue;
      const demands = (this.#demands.get(module) ?? []).filter(({ by }) =>
        this.#mayTakeBack(by, module),
      );
      const constraints = demands.map((demand) => demand.constraint);
      if (this.#mayGoBack(module, constraints)) continue;
      this.#note(module);
      return new Set(this.#chosen.keys());
    }
    return null;
  }

  /**
   * Whether a demand's word counts for going back to a superseded version. What the template's account assigned, and its own
   * modules, another account does not take back by what it requires: for that the operator states a constraint. `powernode`
   * may, and each account its own modules.
   */
  #mayTakeBack(by: LayerName | null, module: LayerName): boolean {
    if (by === null) return true;
    const own = this.#input.account;
    const [asker, asked] = [by, module].map((name) => splitModule(name, own).account);
    if (asker === own || asker === commonAccount || asker === asked) return true;
    return asked !== own && !this.#input.assigned.some((one) => one.module === module);
  }

  /** Every constraint by which the assignments or any version within reach may take a module back. */
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
      if (this.#mayTakeBack(by, name)) possible.get(name)?.add(this.#parsed(constraint));
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

  #choicesOf(module: LayerName): readonly C[] | null {
    let choices = this.#choices.get(module);
    if (choices === undefined) {
      choices = this.#input.available(module);
      this.#choices.set(module, choices);
    }
    return choices;
  }

  #demand(by: LayerName | null, constraint: string | null, capability: string | null): Demand {
    return { by, text: constraint, constraint: this.#parsed(constraint), capability };
  }

  #parsed(constraint: string | null): ParsedConstraint {
    const parsed = this.#constraints.get(constraint) ?? parseConstraint(constraint);
    this.#constraints.set(constraint, parsed);
    return parsed;
  }

  /** Two requirements that met one after the other: worth telling first where no other version would satisfy both. */
  #noteClash(module: LayerName): void {
    const demands = this.#demands.get(module) ?? [];
    const suitsAll = (choice: C) =>
      this.#isHandedOut(module, choice) &&
      demands.every((demand) => this.#suits(module, choice, demand));
    if (!this.#choicesOf(module)?.some(suitsAll)) this.#note(module);
    else this.#firstClash ??= this.#unsatisfied(module);
  }

  #note(module: LayerName): void {
    this.#reason ??= this.#unsatisfied(module);
  }

  #unsatisfied(module: LayerName): GantryError {
    const answers = {
      meets: (choice: C, demand: Demand) => this.#meets(module, choice, demand),
      provides: (choice: C, capability: string) =>
        this.#input.provides(choice, module).includes(capability),
    };
    return unsatisfiedError(
      explainClash(module, this.#choicesOf(module), answers, this.#demands, this.#chosen),
    );
  }

  #tooComplex(what: string): GantryError {
    const last =
      this.#reason === undefined
        ? ''
        : `; one thing that stood in the way: ${this.#reason.message}`;
    return new GantryError(
      'composition_too_complex',
      `expected the requirements to resolve within ${what}, found no answer by then${last}; narrow the constraints`,
      { expected: what, details: this.#reason?.details },
    );
  }
}
