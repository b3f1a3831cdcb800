import type { PromotionState, Version } from '../modules/index.ts';
import { type Module, withModuleChanges, withReservations } from '../modules/index.ts';
import type { Change } from '../operations/index.ts';
import type { Assignment, Template } from '../templates/index.ts';
import type { LayerName } from './composition.ts';

/** What a template is made of, now or as it would be once a change is applied. */
export interface TemplateView {
  template: Template;
  assignments: Assignment[];
  /** States that versions would have, by version id, where they differ from their rows. */
  states: Map<string, PromotionState>;
  /** What rows of modules would be, by `<account>/<name>`, where a change alters them. */
  modules: Map<LayerName, (row: Module) => Module>;
}

/** A template as it is. */
export function viewOf(template: Template, assignments: Assignment[]): TemplateView {
  return { template, assignments, states: new Map(), modules: new Map() };
}

/** The view with a change applied; nothing is written. A change that does not concern the template leaves it as it is. */
export function withChange(
  view: TemplateView,
  change: Change,
  at: string,
  live: string | null,
): TemplateView {
  switch (change.kind) {
    case 'assign_module': {
      if (change.template_id !== view.template.id) return view;
      if (view.assignments.some(({ id }) => id === change.assignment_id)) return view;
      const { kind: _, assignment_id, ...rest } = change;
      const { account } = view.template;
      const added: Assignment = {
        ...rest,
        account,
        id: assignment_id,
        created_at: at,
        updated_at: at,
      };
      return { ...view, assignments: [...view.assignments, added] };
    }
    case 'update_assignment':
      return {
        ...view,
        assignments: view.assignments.map((row) =>
          row.id === change.assignment_id ? changedAssignment(row, change) : row,
        ),
      };
    case 'remove_assignment':
      return {
        ...view,
        assignments: view.assignments.filter(({ id }) => id !== change.assignment_id),
      };
    case 'promote_version': {
      const states = new Map(view.states).set(change.version_id, change.to);
      if (change.to === 'live' && live !== null && live !== change.version_id)
        states.set(live, 'blessed');
      return { ...view, states };
    }
    case 'change_reservations': {
      const name = `${view.template.account}/${change.module}`;
      return {
        ...view,
        modules: new Map(view.modules).set(name, (row) => withReservations(row, change)),
      };
    }
    case 'update_module': {
      const name = `${view.template.account}/${change.module}`;
      return {
        ...view,
        modules: new Map(view.modules).set(name, (row) => withModuleChanges(row, change.set)),
      };
    }
    default:
      return view;
  }
}

/** An assignment with the fields that a change names; the others stay. */
export function changedAssignment(
  row: Assignment,
  change: Extract<Change, { kind: 'update_assignment' }>,
): Assignment {
  return {
    ...row,
    ...(change.constraint === undefined ? {} : { constraint: change.constraint }),
    ...(change.metadata === undefined ? {} : { metadata: change.metadata }),
    ...(change.effective_priority === undefined
      ? {}
      : { effective_priority: change.effective_priority }),
  };
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
