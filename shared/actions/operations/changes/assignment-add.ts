import { GantryError } from '../../../base/error.ts';
import { newId } from '../../../base/ids.ts';
import { type Version, warnOfVersion } from '../../../domain/modules/index.ts';
import type { Change } from '../../../domain/operations/index.ts';
import {
  type Assignment,
  type Metadata,
  moduleLabel,
  splitModule,
  type Template,
} from '../../../domain/templates/index.ts';
import { getVersion, moduleArchivedError } from '../../../store/modules/index.ts';
import { createAssignment } from '../../../store/templates/index.ts';
import { findNameOwner, takeName } from '../../../store/unique.ts';
import type { Services } from '../../context/index.ts';
import { resolveModule } from '../../modules/index.ts';
import { requireTemplate } from '../../templates/index.ts';
import { assignmentEvent, checkConstraint, ownTemplate } from './assignment.ts';
import { type ChangeKind, nothingFollows, sameInstance } from './change-kind.ts';
import { effectFacts, stateFact, warnPrivileged } from './review-text.ts';

type Addition = Change<'assignment_add'>;

interface Rows {
  template: Template;
  /** The id of the assignment that the template has of this module. */
  owner: string | null;
  /** Whether the module is archived. */
  archived: boolean;
  /** The live version of the module; null before the first. */
  live: Version | null;
}

export const assignmentAdd: ChangeKind<'assignment_add', Rows> = {
  action: () => 'assignment_change',
  policy: (_, inForce) => inForce('assignment_change'),

  /** Throws `not_found` for a module that the account cannot see, as well. */
  async read(services, account, change) {
    const [template, owner, module] = await Promise.all([
      requireTemplate(services, account, change.template_id),
      findNameOwner(services.db, { account, kind: 'assignment', value: uniqueName(change) }),
      resolveModule(services, account, change.module),
    ]);
    const { archived, live_version_id } = module;
    const live =
      live_version_id === null
        ? null
        : await getVersion(services.db, module.account, live_version_id);
    return { template, owner, archived, live };
  },

  check(change, { owner, archived }) {
    checkConstraint(change.constraint);
    if (archived) throw moduleArchivedError(change.module);
    if (owner !== null && owner !== change.assignment_id) throw assignedTwiceError(change);
  },

  summary(change, { template }, account) {
    const { account: owner, name } = splitModule(change.module, account);
    return `assign ${moduleLabel(account, owner, name)} to template ${template.name}`;
  },

  tried: ownTemplate,
  affected: ownTemplate,

  view(view, change, at) {
    const { template, assignments } = view;
    if (change.template_id !== template.id) return view;
    if (assignments.some(({ id }) => id === change.assignment_id)) return view;
    return { ...view, assignments: [...assignments, assignmentOf(change, template.account, at)] };
  },

  instance: sameInstance,
  asked: ({ assignment_id: _, ...rest }) => rest,

  writes({ operation, change, at }) {
    const { account } = operation;
    const { assignment_id: id } = change;

    return [
      createAssignment(assignmentOf(change, account, at)),
      takeName({ account, kind: 'assignment', value: uniqueName(change), owner: id }, () =>
        assignedTwiceError(change),
      ),
      assignmentEvent({ operation, change, at }, 'gantry.assignment.added', change.module),
    ];
  },

  review({ module, constraint, metadata, effective_priority }, { template, live }) {
    const facts = [
      ...stateFact('template', template.name),
      ...stateFact('module', module),
      ...stateFact('constraint', constraint),
      ...stateFact('metadata', Object.keys(metadata).length === 0 ? null : metadata),
      ...stateFact('effective priority', effective_priority),
      ...stateFact('live version', live?.version_string),
      ...(live === null ? [] : effectFacts(null, live)),
    ];
    const warnings =
      live === null ? [] : [...warnOfVersion(live, null), ...warnPrivileged(null, live)];
    return { facts, warnings };
  },

  follow: nothingFollows,
};

export interface AdditionInput {
  template_id: string;
  module: string;
  constraint?: string | null;
  metadata?: Metadata;
  effective_priority?: number | null;
}

/**
 * The change that a request to assign a module means. Throws `not_found`, or `invalid_request` for
 * the constraint.
 */
export async function additionOf(
  services: Services,
  account: string,
  input: AdditionInput,
): Promise<Addition> {
  const { template_id, constraint = null, metadata = {}, effective_priority = null } = input;
  await requireTemplate(services, account, template_id);

  const { account: owner, name } = await resolveModule(services, account, input.module);
  checkConstraint(constraint);

  return {
    kind: 'assignment_add',
    assignment_id: newId('assignment'),
    template_id,
    module: `${owner}/${name}`,
    constraint,
    metadata,
    effective_priority,
  };
}

function assignmentOf(change: Addition, account: string, at: string): Assignment {
  const { kind: _, assignment_id: id, ...rest } = change;
  return { ...rest, account, id, revision: 1, created_at: at, updated_at: at };
}

/** A template has a module at most once. */
function uniqueName({ template_id, module }: Addition): string {
  return `${template_id}/${module}`;
}

function assignedTwiceError({ module, template_id }: Addition): GantryError {
  return new GantryError(
    'already_exists',
    `module "${module}" is already assigned to the template`,
    { found: template_id },
  );
}
