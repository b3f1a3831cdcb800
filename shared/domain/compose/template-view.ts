import type { Instance } from '../machines/index.ts';
import type { Module, PromotionState, Version } from '../modules/index.ts';
import type { Assignment, Template } from '../templates/index.ts';
import type { LayerName } from './composition.ts';

/** What a template is made of, now or as it would be once changes are applied. */
export interface TemplateView {
  template: Template;
  assignments: Assignment[];
  /** States that versions would have, by version id, where they differ from their rows. */
  states: Map<string, PromotionState>;
  /** What rows of modules would be, by `<account>/<name>`, where a change alters them. */
  modules: Map<LayerName, (row: Module) => Module>;
}

/** What changes that are not applied yet would make of a template and of its machines. */
export interface ChangedViews {
  template(view: TemplateView): TemplateView;
  instance(row: Instance): Instance;
}

/** A template as it is. */
export function viewOf(template: Template, assignments: Assignment[]): TemplateView {
  return { template, assignments, states: new Map(), modules: new Map() };
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
  if (state === undefined) return version;
  return { ...version, promotion_state: state, was_live: version.was_live || state === 'live' };
}
