import type { RegisterModuleBody } from '../contract/api/module.ts';
import { moduleId, sha256Hex } from '../contract/ids.ts';
import type { Module } from '../domain/module.ts';
import type { Caller } from '../domain/role.ts';
import type { SignerIdentity } from '../domain/signature.ts';
import { splitModule } from '../domain/template.ts';
import { GantryError } from '../error.ts';
import { parseReference } from '../registry/index.ts';
import { checkPublicKey, checkRegexp, checkTrustedRoot } from '../signature/index.ts';
import { getCategory } from '../store/account.ts';
import { transact } from '../store/db.ts';
import { createEvent } from '../store/event.ts';
import { createModule, getModule } from '../store/module.ts';
import { createRepository } from '../store/repository.ts';
import { nowIso, type Services } from './services.ts';

/**
 * Registers a module: the row that rules over its manifest. Every field is checked before anything is written; its
 * repository is polled from then on.
 */
export async function registerModule(services: Services, caller: Caller, input: RegisterModuleBody): Promise<Module> {
  const identities = identitiesOf(input);
  for (const [index, identity] of identities.entries()) {
    const options = { allowUnanchored: input.allow_unanchored ?? false };
    checkRegexp(identity.identity_regexp, { ...options, field: `cosign_identities[${index}].cosign_identity_regexp` });
    checkRegexp(identity.issuer_regexp, { ...options, field: `cosign_identities[${index}].cosign_issuer_regexp` });
    for (const [name, regexp] of Object.entries(identity.claims ?? {})) {
      checkRegexp(regexp, { ...options, field: `cosign_identities[${index}].cosign_claims.${name}` });
    }
  }
  const required_attestations = input.required_attestations ?? [];
  for (const [index, { builder_regexp }] of required_attestations.entries()) {
    if (builder_regexp === undefined) continue;
    const allowUnanchored = input.allow_unanchored ?? false;
    checkRegexp(builder_regexp, { allowUnanchored, field: `required_attestations[${index}].builder_regexp` });
  }
  const trusted_keys = input.trusted_keys ?? [];
  for (const [index, key] of trusted_keys.entries()) checkPublicKey(key, `trusted_keys[${index}]`);
  if (identities.length === 0 && trusted_keys.length === 0) {
    throw new GantryError(
      'policy_missing',
      'expected trusted_keys or a pair of cosign_identity_regexp and cosign_issuer_regexp, found neither: nobody could sign this module',
      { field: 'trusted_keys' },
    );
  }
  const trusted_root = input.trusted_root ?? null;
  if (trusted_root !== null) checkTrustedRoot(trusted_root);

  const { host, repository, tag, digest } = parseReference(input.repository);
  if (tag !== undefined || digest !== undefined) {
    throw new GantryError('reference_invalid', 'expected a repository without tag or digest', {
      field: 'repository',
      expected: `${host}/${repository}`,
      found: input.repository,
    });
  }
  await checkNeighbours(services, caller.account, input);

  const at = nowIso(services);
  const variety = input.variety ?? 'subscription';
  const require_tlog = input.require_tlog ?? true;
  const policy = { identities, trusted_keys, trusted_root, require_tlog, required_attestations };
  const module: Module = {
    account: caller.account,
    name: input.name,
    id: moduleId(caller.account, input.name),
    visibility: input.visibility ?? 'private',
    category: input.category,
    variety,
    parent_module: parentOf(input.parent_module, caller.account),
    repository: `${host}/${repository}`,
    ...policy,
    platforms: input.platforms ?? [],
    allow_devices: input.allow_devices ?? false,
    granted_reservations: [],
    policy_version: sha256Hex(JSON.stringify(policy)),
    live_version_id: null,
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

function identitiesOf(input: RegisterModuleBody): SignerIdentity[] {
  const pairs: NonNullable<typeof input.cosign_identities> = [...(input.cosign_identities ?? [])];
  const { cosign_identity_regexp, cosign_issuer_regexp } = input;
  if ((cosign_identity_regexp === undefined) !== (cosign_issuer_regexp === undefined)) {
    const missing = cosign_identity_regexp === undefined ? 'cosign_identity_regexp' : 'cosign_issuer_regexp';
    throw new GantryError('policy_missing', `expected both regexps of the pair, found no ${missing}`, {
      field: missing,
    });
  }
  if (cosign_identity_regexp !== undefined && cosign_issuer_regexp !== undefined) {
    pairs.unshift({ cosign_identity_regexp, cosign_issuer_regexp });
  }
  return pairs.map((pair) => ({
    identity_regexp: pair.cosign_identity_regexp,
    issuer_regexp: pair.cosign_issuer_regexp,
    ...(pair.cosign_claims === undefined ? {} : { claims: pair.cosign_claims }),
  }));
}

async function checkNeighbours(services: Services, account: string, input: RegisterModuleBody): Promise<void> {
  if ((await getCategory(services.db, account, input.category)) === null) {
    throw new GantryError('category_unknown', `expected a category of this account, found "${input.category}"`, {
      field: 'category',
      found: input.category,
    });
  }
  const variety = input.variety ?? 'subscription';
  const parent = parentOf(input.parent_module, account);
  if (parent === null) {
    if (variety !== 'config') return;
    throw new GantryError('parent_module_mismatch', 'expected parent_module of a config module, found none', {
      field: 'parent_module',
    });
  }
  const { account: owner, name } = splitModule(parent, account);
  const row = await getModule(services.db, owner, name);
  if (row === null || (owner !== account && row.visibility !== 'public')) {
    throw new GantryError('parent_module_mismatch', `expected a registered module, found "${parent}"`, {
      field: 'parent_module',
      found: parent,
    });
  }
}
