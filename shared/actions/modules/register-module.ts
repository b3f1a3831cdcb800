import { GantryError } from '../../base/error.ts';
import { moduleId } from '../../base/ids.ts';
import type { RegisterModuleBody } from '../../contract/modules/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { type Module, policyVersion } from '../../domain/modules/index.ts';
import { splitModule } from '../../domain/templates/index.ts';
import { transact } from '../../store/db.ts';
import { createEvent } from '../../store/event.ts';
import { createModule, getModule } from '../../store/modules/index.ts';
import { createRepository } from '../../store/poll/index.ts';
import { nowIso, type Services } from '../context/index.ts';
import { checkCategory, checkTrust, identitiesOf, repositoryOf } from './check-registration.ts';

/**
 * Registers a module: the row that rules over its manifest. Every field is checked before anything is written; its
 * repository is polled from then on.
 */
export async function registerModule(
  services: Services,
  caller: Caller,
  input: RegisterModuleBody,
): Promise<Module> {
  const policy = {
    repository: repositoryOf(input.repository),
    identities: identitiesOf(input),
    trusted_keys: input.trusted_keys ?? [],
    trusted_root: input.trusted_root ?? null,
    require_tlog: input.require_tlog ?? true,
    required_attestations: input.required_attestations ?? [],
    allow_devices: input.allow_devices ?? false,
  };
  checkTrust(policy, input.allow_unanchored ?? false);
  await checkNeighbours(services, caller.account, input);

  const at = nowIso(services);
  const variety = input.variety ?? 'subscription';
  const module: Module = {
    account: caller.account,
    name: input.name,
    id: moduleId(caller.account, input.name),
    visibility: input.visibility ?? 'private',
    category: input.category,
    variety,
    parent_module: parentOf(input.parent_module, caller.account),
    ...policy,
    platforms: input.platforms ?? [],
    granted_reservations: [],
    policy_version: policyVersion(policy),
    live_version_id: null,
    revision: 1,
    created_at: at,
    updated_at: at,
  };
  await transact(services.db, [
    createModule(module),
    createRepository({
      account: module.account,
      module: module.name,
      repository: module.repository,
      tags_hash: null,
      next_poll_at: at,
      polled_at: null,
      failures: 0,
      code: null,
      message: null,
      ignored_tags: [],
      recheck_at: at,
    }),
    createEvent({
      type: 'gantry.module.registered',
      account: module.account,
      subject: `module/${module.name}`,
      actor: caller.actor,
      at,
      data: { repository: module.repository, category: module.category, variety },
    }),
  ]);
  return module;
}

function parentOf(parent: string | null | undefined, account: string): string | null {
  if (parent === null || parent === undefined) return null;
  const { account: owner, name } = splitModule(parent, account);
  return `${owner}/${name}`;
}

async function checkNeighbours(
  services: Services,
  account: string,
  input: RegisterModuleBody,
): Promise<void> {
  await checkCategory(services, account, input.category);
  const variety = input.variety ?? 'subscription';
  const parent = parentOf(input.parent_module, account);
  if (parent === null) {
    if (variety !== 'config') return;
    throw new GantryError(
      'parent_module_mismatch',
      'expected parent_module of a config module, found none',
      {
        field: 'parent_module',
      },
    );
  }
  const { account: owner, name } = splitModule(parent, account);
  const row = await getModule(services.db, owner, name);
  if (row === null || (owner !== account && row.visibility !== 'public')) {
    throw new GantryError(
      'parent_module_mismatch',
      `expected a registered module, found "${parent}"`,
      {
        field: 'parent_module',
        found: parent,
      },
    );
  }
}
