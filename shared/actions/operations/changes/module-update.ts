import { GantryError } from '../../../base/error.ts';
import type { UpdateModuleBody } from '../../../contract/modules/index.ts';
import { withModuleView } from '../../../domain/compose/index.ts';
import {
  compositionFields,
  loosensTrust,
  type Module,
  type ModuleChanges,
  trustFields,
  withModuleChanges,
} from '../../../domain/modules/index.ts';
import { type Action, type Change, strictestPolicy } from '../../../domain/operations/index.ts';
import { type Repository, unpolledRepository } from '../../../domain/poll/index.ts';
import { countPolled, noteModuleAdded, uncountPolled } from '../../../store/accounts/index.ts';
import { createEvent } from '../../../store/event.ts';
import { putRegistration } from '../../../store/modules/index.ts';
import {
  createRepository,
  getRepository,
  putRepository,
  removeRepository,
} from '../../../store/poll/index.ts';
import type { Write } from '../../../store/table/index.ts';
import { enqueue, type Services } from '../../context/index.ts';
import {
  askForPoll,
  checkCategory,
  checkTrust,
  identitiesOf,
  refuseUsedModule,
  repositoryOf,
  requireModule,
  templatesUsing,
} from '../../modules/index.ts';
import {
  type Affected,
  type Applied,
  type ChangeKind,
  nothing,
  sameInstance,
} from './change-kind.ts';
import { fieldFacts } from './review-text.ts';

type Update = Change<'module_update'>;

interface Rows {
  module: Module;
  /** The poll state; read only if the repository changes, or is no longer polled. */
  repository: Repository | null;
  /** Templates of the account that use the module; read only to archive it. */
  users: string[];
}

export const moduleUpdate: ChangeKind<'module_update', Rows> = {
  action: actionOf,

  /** Who quarantines versions in use meets the policy of that, too. */
  async policy(change, inForce) {
    const own = await inForce(actionOf(change));
    if (change.quarantines !== true) return own;
    const { action } = own;
    return { ...strictestPolicy([own, await inForce('module_quarantine')]), action };
  },

  async read(services, account, { module: name, set }) {
    const module = await requireModule(services, account, name);
    if (set.category !== undefined) await checkCategory(services, account, set.category);
    const polled = set.repository !== undefined || set.archived === true;
    const repository = polled ? await getRepository(services.db, account, name) : null;
    const users = set.archived === true ? await templatesUsing(services, account, name) : [];
    return { module, repository, users };
  },

  /**
   * Whether the change loosens trust was decided against the policy of `policy_version`, and it is
   * decided here again: what a change says of itself cannot lower the approval that it needs.
   */
  check(change, { module, users }) {
    refuseUsedModule(change.module, users);
    if (!trustFields.some((field) => field in change.set)) return;

    refuseRaced(module, change.policy_version);
    const next = withModuleChanges(module, change.set);
    checkTrust(next, true);
    if (change.loosens_trust || !loosensTrust(module, next)) return;

    throw new GantryError(
      'invalid_request',
      `expected a change that says it loosens the trust policy of "${change.module}", found one that says it does not`,
      { field: 'loosens_trust', expected: true, found: false },
    );
  },

  summary: summaryOf,

  /**
   * The signers that a module trusts change no composition, so no composition can delay the removal
   * of a signer.
   */
  tried(change) {
    return compositionFields.some((field) => field in change.set) ? usersOfModule(change) : nothing;
  },

  affected(change) {
    return Object.keys(change.set).every((field) => field === 'archived')
      ? nothing
      : usersOfModule(change);
  },

  view(view, change) {
    return withModuleView(view, change.module, (row) => withModuleChanges(row, change.set));
  },

  instance: sameInstance,
  writes: updateWrites,

  /**
   * If the trusted signers change, verify the candidates that wait for a signature or were refused
   * for one again.
   */
  review({ set, loosens_trust }, { module }) {
    const warning = 'Artifacts that Gantry refuses now can get in after this change.';
    return { facts: fieldFacts(set, { ...module }), warnings: loosens_trust ? [warning] : [] };
  },

  async follow(services, account, { module, set }) {
    if (set.digit_commits !== undefined) await askForPoll(services, account, module);
    if (!trustFields.some((field) => field in set)) return;
    await askForPoll(services, account, module);
    await enqueue(services, 'reverify', [{ account, module, built: true }]);
  },
};

/**
 * The change that a request to update a registration means. Omitted fields stay; a list replaces
 * the whole list. Throws `not_found`, `category_unknown`, `operation_raced`, and what `checkTrust`
 * throws.
 */
export async function moduleUpdateOf(
  services: Services,
  account: string,
  name: string,
  input: UpdateModuleBody,
): Promise<Update> {
  const module = await requireModule(services, account, name);
  if (input.policy_version !== undefined) refuseRaced(module, input.policy_version);
  const set = changesOf(input);
  const next = withModuleChanges(module, set);
  if (trustFields.some((field) => field in set)) checkTrust(next, input.allow_unanchored ?? false);
  if (set.category !== undefined) await checkCategory(services, account, set.category);
  if (set.archived) refuseUsedModule(name, await templatesUsing(services, account, name));
  const loosens_trust = loosensTrust(module, next);
  const { policy_version } = module;

  return {
    kind: 'module_update',
    module: name,
    set,
    loosens_trust,
    policy_version,
    ...(input.quarantine === true ? { quarantines: true } : {}),
  };
}

/** @throws GantryError `operation_raced` */
function refuseRaced({ name, policy_version }: Module, expected: string): void {
  if (policy_version === expected) return;
  throw new GantryError(
    'operation_raced',
    `the trust policy of "${name}" changed since this was requested; request it again`,
  );
}

/**
 * An update that may accept an artifact that was refused before is a `trust_policy_change`. Any
 * other update, such as the removal of a signer, is a `module_change`: removing trust must not wait
 * for a reviewer.
 */
function actionOf({ loosens_trust }: Update): Action {
  return loosens_trust ? 'trust_policy_change' : 'module_change';
}

/**
 * A module that becomes private affects the accounts that could use it before, so their templates
 * count although it is private by then.
 */
function usersOfModule({ module, set }: Update): Affected {
  const others = set.visibility === undefined ? 'if_public' : 'always';
  return { of: 'module', module, version_id: null, others };
}

function changesOf(input: UpdateModuleBody): ModuleChanges {
  const {
    cosign_identities,
    cosign_identity_regexp,
    cosign_issuer_regexp,
    allow_unanchored: _,
    quarantine: __,
    policy_version: ___,
    ...rest
  } = input;

  const pairs = [cosign_identities, cosign_identity_regexp, cosign_issuer_regexp];
  return {
    ...rest,
    ...(rest.repository === undefined ? {} : { repository: repositoryOf(rest.repository) }),
    ...(pairs.every((pair) => pair === undefined) ? {} : { identities: identitiesOf(input) }),
  };
}

function summaryOf({ module, set: { archived, ...set } }: Update): string {
  const fields = Object.keys(set).join(', ');
  const parts = [
    ...(archived === undefined ? [] : [`${archived ? 'archive' : 'unarchive'} ${module}`]),
    ...(fields === '' ? [] : [`change ${fields} of ${module}`]),
  ];
  return parts.join(' and ');
}

function updateWrites({
  operation,
  change,
  rows: { module: was, repository: poll },
  at,
}: Applied<'module_update', Rows>): Write[] {
  const { module: name, set } = change;
  const { policy_version } = withModuleChanges(was, set);

  return [
    putRegistration(was, { ...set, policy_version, updated_at: at }),
    createEvent({
      type: 'gantry.module.updated',
      account: operation.account,
      subject: `module/${name}`,
      actor: operation.requested_by,
      at,
      data: { changed: Object.keys(set), policy_version, operation_id: operation.id },
    }),
    ...(set.category === undefined ? [] : [noteModuleAdded(operation.account, set.category, at)]),
    ...pollWrites({ ...was, ...set }, was, poll, at),
  ];
}

/**
 * An archived module is not polled. A new repository, and one of a module that comes back, is
 * polled immediately, as if none of its tags had been read.
 */
function pollWrites(next: Module, was: Module, poll: Repository | null, at: string): Write[] {
  if (next.archived)
    return poll === null ? [] : [removeRepository(poll), uncountPolled(next.account)];
  if (was.archived)
    return [createRepository(unpolledRepository(next, at)), countPolled(next.account)];

  if (poll === null || next.repository === was.repository) return [];

  const { repository, tags_hash, next_poll_at, recheck_at } = unpolledRepository(next, at);
  const fresh = { failures: 0, code: null, message: null };
  return [putRepository(poll, { repository, tags_hash, next_poll_at, recheck_at, ...fresh })];
}
