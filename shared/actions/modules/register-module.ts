import { GantryError } from '../../base/error.ts';
import { moduleId } from '../../base/ids.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { RegisterModuleBody } from '../../contract/modules/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import {
  type Module,
  policyVersion,
  type TrustPolicy,
  type Variety,
} from '../../domain/modules/index.ts';
import { unpolledRepository } from '../../domain/poll/index.ts';
import { splitModule } from '../../domain/templates/index.ts';
import { countPolled, noteModuleAdded } from '../../store/accounts/index.ts';
import { createModule, getModule, moduleEvent } from '../../store/modules/index.ts';
import { createRepository } from '../../store/poll/index.ts';
import { commit, nowIso, type Services } from '../context/index.ts';
import { checkCategory, checkTrust, identitiesOf, repositoryOf } from './check-registration.ts';

/**
 * Registers a module. Every field is checked before anything is written. Gantry then polls its
 * repository.
 */
export async function registerModule(
  services: Services,
  { account, actor }: Caller,
  input: RegisterModuleBody,
): Promise<Module> {
  const policy = policyOf(input);
  checkTrust(policy, input.allow_unanchored ?? false);
  await checkCategory(services, account, input.category);
  await checkParent(services, account, input);

  const at = nowIso(services);
  const module = moduleOf(account, input, policy, at);

  const { repository, category, variety } = module;
  const writes = [
    createModule(module),
    noteModuleAdded(account, category, at),
    createRepository(unpolledRepository(module, at)),
    countPolled(account),
    moduleEvent(module, { actor, at }, 'registered', { repository, category, variety }),
  ];
  // Modules that are registered together meet at the rows of their category and account.
  return retryConflicts(() => commit(services, writes, module));
}

function policyOf(input: RegisterModuleBody): TrustPolicy {
  return {
    repository: repositoryOf(input.repository),
    identities: identitiesOf(input),
    trusted_keys: input.trusted_keys ?? [],
    trusted_root: input.trusted_root ?? null,
    require_tlog: input.require_tlog ?? true,
    required_attestations: input.required_attestations ?? [],
    allow_devices: input.allow_devices ?? false,
  };
}

function moduleOf(
  account: string,
  input: RegisterModuleBody,
  policy: TrustPolicy,
  at: string,
): Module {
  return {
    account,
    name: input.name,
    id: moduleId(account, input.name),
    visibility: input.visibility ?? 'private',
    category: input.category,
    variety: varietyOf(input),
    parent_module: parentOf(input, account),
    ...policy,
    platforms: input.platforms ?? [],
    digit_commits: input.digit_commits ?? false,
    granted_reservations: [],
    policy_version: policyVersion(policy),
    live_version_id: null,
    has_versions: false,
    archived: false,
    revision: 1,
    created_at: at,
    updated_at: at,
  };
}

function varietyOf({ variety = 'subscription' }: RegisterModuleBody): Variety {
  return variety;
}

/** The parent with its account, null for a module without one. */
function parentOf({ parent_module }: RegisterModuleBody, account: string): string | null {
  if (parent_module === null || parent_module === undefined) return null;
  const { account: owner, name } = splitModule(parent_module, account);
  return `${owner}/${name}`;
}

/** @throws GantryError `parent_module_mismatch` */
async function checkParent(
  services: Services,
  account: string,
  input: RegisterModuleBody,
): Promise<void> {
  const parent = parentOf(input, account);
  if (parent === null) {
    if (varietyOf(input) !== 'config') return;
    throw new GantryError(
      'parent_module_mismatch',
      'expected parent_module of a config module, found none',
      { field: 'parent_module' },
    );
  }

  const { account: owner, name } = splitModule(parent, account);
  const row = await getModule(services.db, owner, name);
  if (row !== null && (owner === account || row.visibility === 'public')) return;

  throw new GantryError(
    'parent_module_mismatch',
    `expected a registered module, found "${parent}"`,
    { field: 'parent_module', found: parent },
  );
}
