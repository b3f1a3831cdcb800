import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { LayerName } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { splitModule } from '../domain/templates/index.ts';
import { allowsOffer, doesOffer } from './capability.ts';
import { cycleError, hasCycle } from './resolve-cycle.ts';
import {
  type Demand,
  explainClash,
  formatChain,
  formatDemandChain,
  unsatisfiedError,
} from './resolve-explain.ts';
import type { Decision, Found, SearchInput } from './resolve-input.ts';
import { ambiguousError, type Meaning } from './resolve-names.ts';
import { SupersededVersions } from './resolve-superseded.ts';
import {
  isSecondary,
  type ParsedConstraint,
  parseConstraint,
  type VersionChoice,
} from './version-choice.ts';

/**
 * The cost of a demand, besides trying a version: creating it, and checking versions against it.
 * There may be many demands.
 */
const checkSteps = 1 / 256;

/**
 * Depth-first search that decides one module after the other, in the order of the demands. After a
 * failure it skips back over unrelated decisions (conflict-directed backjumping, Prosser 1993).
 *
 * Invariant: `#demands` holds exactly the demands of the assignments and of the chosen versions. A
 * failure is the set of modules whose choices led to it; null means no failure.
 *
 * Cycles are rare and checking for them at each choice is expensive. So the first search checks
 * once, at its end. If it finds one, the search starts again and checks at each choice.
 */
export class Search<C extends VersionChoice> {
  readonly #input: SearchInput<C>;
  readonly #order: LayerName[] = [];
  readonly #demands = new Map<LayerName, Demand[]>();
  readonly #chosen = new Map<LayerName, C>();
  readonly #constraints = new Map<string | null, ParsedConstraint>();
  readonly #choices = new Map<LayerName, readonly C[] | null>();
  readonly #superseded: SupersededVersions<C>;
  #watchCycles = false;
  #steps = 0;
  /**
   * The first requirement that failed. It comes from the newest versions, so people expect to read
   * about it.
   */
  #reason: GantryError | undefined;
  /**
   * The first two demands that no version met together. It is reported when there is no better
   * reason.
   */
  #firstClash: GantryError | undefined;

  constructor(input: SearchInput<C>) {
    this.#input = input;
    this.#superseded = new SupersededVersions({
      input,
      choicesOf: (module) => this.#choicesOf(module),
      parse: (constraint) => this.#parsed(constraint),
    });
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
          formatDemandChain(module, one, this.#demands, this.#chosen),
        ),
      };
    });
  }

  /** Returns every module that the search examined, with the choices that it had. */
  get considered(): ReadonlyMap<LayerName, readonly C[] | null> {
    return this.#choices;
  }

  /**
   * Decides all modules. Returns false when that is impossible. It has its own stack, because
   * chains may be deeper than the stack of the engine.
   */
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

  /** Goes back until another choice works. Returns false when no choice is left. */
  #recover(decisions: Decision[], first: Set<LayerName>): boolean {
    for (let failure: Set<LayerName> | null = first; failure !== null; ) {
      const decision = this.#jumpBack(decisions, failure);
      if (decision === undefined) return false;
      failure = this.#decide(decision, decisions);
    }
    return true;
  }

  /**
   * The first modules to blame are one that requires this module and one that rules out a version.
   * The first of each is enough.
   */
  #open(module: LayerName): Decision {
    const asker = this.#demands.get(module)?.[0]?.by ?? null;
    const blamed = new Set(asker === null ? [] : [asker]);
    return { module, next: 0, tried: false, blamed, known: this.#order.length, asked: [] };
  }

  /**
   * Takes the next choice that appears to work and pushes the decision on the stack. Otherwise
   * returns what failed.
   */
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

  /** Takes a choice. If it clashes, undoes it and blames the modules that it clashes with. */
  #try(decision: Decision, choice: C): boolean {
    decision.tried = true;
    const clashing = this.#take(decision, choice);
    if (clashing === null) return true;

    this.#undo(decision);
    for (const other of clashing) if (other !== decision.module) decision.blamed.add(other);
    return false;
  }

  /** Undoes decisions back to the last one that contributed to a failure, and returns it. */
  #jumpBack(decisions: Decision[], failure: Set<LayerName>): Decision | undefined {
    for (let decision = decisions.pop(); decision !== undefined; decision = decisions.pop()) {
      this.#undo(decision);
      if (!failure.has(decision.module)) continue;
      for (const other of failure) if (other !== decision.module) decision.blamed.add(other);
      return decision;
    }
    return undefined;
  }

  /**
   * Chooses a version and adds its requirements. Returns the modules whose chosen versions clash
   * with it, or null.
   */
  #take(decision: Decision, choice: C): LayerName[] | null {
    this.#step(1);
    const { module } = decision;
    const { account } = splitModule(module, '');

    this.#chosen.set(module, choice);
    const above = this.#watchCycles ? this.#above(module) : null;

    for (const requirement of this.#input.requires(choice, module)) {
      this.#step(checkSteps);
      const meaning = this.#input.names.meaning(requirement, account);
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
    this.#reason ??= ambiguousError(meaning, formatChain(module, this.#demands, this.#chosen));
    return [module];
  }

  #refuseCycle(above: ReadonlyMap<LayerName, LayerName | null>, from: LayerName): LayerName[] {
    const cycle: LayerName[] = [];
    for (let at: LayerName | null | undefined = from; at != null; at = above.get(at))
      cycle.push(at);
    this.#reason ??= cycleError(cycle);
    return cycle;
  }

  /**
   * Returns a chosen module and all modules that lead to it. Each is mapped to the next module on
   * the way to the chosen one, which is mapped to null.
   */
  #above(module: LayerName): Map<LayerName, LayerName | null> {
    const above = new Map<LayerName, LayerName | null>([[module, null]]);
    for (const [at] of above) {
      for (const { by } of this.#demands.get(at) ?? [])
        if (by !== null && !above.has(by)) above.set(by, at);
    }

    // So that many long walks count by their true cost.
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

  #isHandedOut(module: LayerName, { standing }: C): boolean {
    return isSecondary(standing) ? this.#superseded.mayBeDemanded(module) : standing === 'offered';
  }

  #suits(module: LayerName, choice: C, demand: Demand): boolean {
    this.#step(checkSteps);
    return this.#meets(module, choice, demand);
  }

  #meets(module: LayerName, choice: C, { constraint, capability }: Demand): boolean {
    if (capability === null) return constraint.allows(choice.version_string);
    const offers = this.#input.provides(choice, module);
    return doesOffer(offers, capability) && allowsOffer(constraint, { choice, offers, capability });
  }

  /**
   * Checks the decided modules: superseded and unapproved versions were chosen because something
   * might demand them, and now something must.
   */
  #refuseUnasked(): Set<LayerName> | null {
    for (const [module, choice] of this.#chosen) {
      if (!isSecondary(choice.standing)) continue;
      if (this.#superseded.isDemanded(module, this.#demands.get(module) ?? [])) continue;
      this.#note(module);
      return new Set(this.#chosen.keys());
    }
    return null;
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

  /**
   * Notes two requirements that are each met, but not together. It becomes the main reason if no
   * other version would satisfy both.
   */
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
    const checks = {
      meets: (choice: C, demand: Demand) => this.#meets(module, choice, demand),
      provides: (choice: C, capability: string) =>
        doesOffer(this.#input.provides(choice, module), capability),
    };
    return unsatisfiedError(
      explainClash(module, checks, {
        choices: this.#choicesOf(module),
        demands: this.#demands,
        chosen: this.#chosen,
      }),
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
