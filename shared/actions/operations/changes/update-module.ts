import { GantryError } from '../../../base/error.ts';
import type { UpdateModuleBody } from '../../../contract/modules/index.ts';
import type { Caller } from '../../../domain/accounts/index.ts';
import {
  loosensTrust,
  type Module,
  type ModuleChanges,
  trustFields,
  withModuleChanges,
} from '../../../domain/modules/index.ts';
import type { Change, Operation } from '../../../domain/operations/index.ts';
import type { Write } from '../../../store/db.ts';
import { createEvent } from '../../../store/event.ts';
import { getModule, putRegistration } from '../../../store/modules/index.ts';
import { getRepository, putRepository } from '../../../store/poll/index.ts';
import { nowIso, type Services } from '../../context/index.ts';
import { checkCategory, checkTrust, identitiesOf, repositoryOf } from '../../modules/index.ts';
import { requestOperation } from '../request-operation.ts';

type UpdateModule = Extract<Change, { kind: 'update_module' }>;

/**
 * Asks for a registration to be changed; what is left out stays, lists are replaced whole. What may let something in that
 * was kept out is a `trust_policy_change`. Anything else, a signer's removal among it, is a `module_change`: taking trust
 * away must not wait for anybody.
 */
export async function updateModule(
  services: Services,
  caller: Caller,
  name: string,
  input: UpdateModuleBody,
): Promise<Operation> {
  const { account } = caller;
  const module = await requireModule(services, account, name);
  const set = changesOf(input);
  const next = withModuleChanges(module, set);
  if (trustFields.some((field) => field in set)) checkTrust(next, input.allow_unanchored ?? false);
  if (set.category !== undefined) await checkCategory(services, account, set.category);
  const action = loosensTrust(module, next) ? 'trust_policy_change' : 'module_change';
  const { policy_version } = module;
  const summary = `change ${Object.keys(set).join(', ')} of ${name}`;
  return requestOperation(
    services,
    caller,
    action,
    { kind: 'update_module', module: name, set, policy_version },
    summary,
  );
}

function changesOf(input: UpdateModuleBody): ModuleChanges {
  const {
    cosign_identities,
    cosign_identity_regexp,
    cosign_issuer_regexp,
    allow_unanchored: _,
    ...rest
  } = input;
  const pairs = [cosign_identities, cosign_identity_regexp, cosign_issuer_regexp];
  return {
    ...rest,
    ...(rest.repository === undefined ? {} : { repository: repositoryOf(rest.repository) }),
    ...(pairs.every((pair) => pair === undefined) ? {} : { identities: identitiesOf(input) }),
  };
}

/**
 * Throws `not_found`; `category_unknown`; or `promotion_raced` where whom the module trusts was changed since this was asked:
 * whether the change loosens trust was decided against what is there no more.
 */
export async function checkModuleUpdate(
  services: Services,
  account: string,
  change: UpdateModule,
): Promise<Module> {
  const { module: name, set } = change;
  const module = await requireModule(services, account, name);
  if (set.category !== undefined) await checkCategory(services, account, set.category);
  const trusts = trustFields.some((field) => field in set);
  if (!trusts || module.policy_version === change.policy_version) return module;
  throw new GantryError(
    'promotion_raced',
    `another change of whom "${name}" trusts was applied since this was asked: ask again`,
  );
}

/** The writes that apply the change to the row as it is now. A new repository is polled at once. */
export async function moduleUpdateWrites(
  services: Services,
  operation: Operation,
  change: UpdateModule,
): Promise<Write[]> {
  const { account } = operation;
  const { module: name, set } = change;
  const was = await checkModuleUpdate(services, account, change);
  const { policy_version } = withModuleChanges(was, set);
  const at = nowIso(services);
  const writes = [
    putRegistration(was, { ...set, policy_version, updated_at: at }),
    createEvent({
      type: 'gantry.module.updated',
      account,
      subject: `module/${name}`,
      actor: operation.requested_by,
      at,
      data: { changed: Object.keys(set), policy_version, operation_id: operation.id },
    }),
  ];
  const poll =
    set.repository === undefined ? null : await getRepository(services.db, account, name);
  if (poll === null) return writes;
  const { repository = '' } = set;
  const unread = {
    tags_hash: null,
    next_poll_at: at,
    recheck_at: at,
    failures: 0,
    code: null,
    message: null,
  };
  return [...writes, putRepository(poll, { repository, ...unread })];
}

async function requireModule(services: Services, account: string, name: string): Promise<Module> {
  const module = await getModule(services.db, account, name);
  if (module !== null) return module;
  throw new GantryError(
    'not_found',
    `expected a module of account "${account}", found no "${name}"`,
    {
      field: 'module',
      found: name,
    },
  );
}
