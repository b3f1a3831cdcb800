import type { Instance } from '../machines/index.ts';
import type { Module, PromotionState, Version } from '../modules/index.ts';
import type { Assignment, Template } from '../templates/index.ts';
import type { LayerName } from './composition-report.ts';

/** The parts of a template, now or after changes are applied. */
export interface TemplateView {
  template: Template;
  assignments: Assignment[];
  /** States that versions would have, by version id, where they differ from their rows. */
  states: Map<string, PromotionState>;
  /** Ids of the versions that would be held. */
  held: ReadonlySet<string>;
  /** Ids of the versions that would be retired although compositions use them. */
  withdrawn: ReadonlySet<string>;
  /** Ids of versions that would be let through, by `<track>/<account>/<name>`: see `Dependency`. */
  approved: ReadonlyMap<string, string>;
  /** The changed rows of modules, by `<account>/<name>`. */
  modules: Map<LayerName, (row: Module) => Module>;
}

/** A template and its machines, as they would be after changes that are not applied yet. */
export interface ChangedViews {
  template(view: TemplateView): TemplateView;
  instance(row: Instance): Instance;
}

/** The view of a template without changes. */
export function viewOf(template: Template, assignments: Assignment[]): TemplateView {
  return {
    template,
    assignments,
    states: new Map(),
    held: new Set(),
    withdrawn: new Set(),
    approved: new Map(),
    modules: new Map(),
  };
}

/** The view with one more change to a module of the template's account. */
export function withModuleView(
  view: TemplateView,
  module: string,
  change: (row: Module) => Module,
): TemplateView {
  const name = `${view.template.account}/${module}`;
  const before = view.modules.get(name);
  const modules = new Map(view.modules).set(name, (row) => change(before?.(row) ?? row));
  return { ...view, modules };
}

/** A module's row as the view sees it. */
export function moduleInView(view: TemplateView, row: Module): Module {
  return view.modules.get(`${row.account}/${row.name}`)?.(row) ?? row;
}

/** A version as the view sees it. */
export function inView(view: TemplateView, version: Version): Version {
  const state = view.states.get(version.id);
  const held = version.held || view.held.has(version.id);
  if (state === undefined) return held === version.held ? version : { ...version, held };

  const was_live = version.was_live || state === 'live';
  const seen = { ...version, promotion_state: state, was_live, held };
  return view.withdrawn.has(version.id) ? { ...seen, withdrawn: true } : seen;
}
