import { GantryError } from '../../base/error.ts';
import type { RegistryHook, RegistryLogin } from '../../domain/registries/index.ts';
import { attempt, type Db, entity, present, type Write } from '../table/index.ts';

const logins = entity<RegistryLogin>()({
  name: 'registry-login',
  attributes: {
    account: 'text',
    host: 'text',
    username: 'json',
    ca: 'json',
    stored_by: 'text',
    stored_at: 'text',
  },
  // A row of an earlier build has no authority.
  upgrades: [(row) => ({ ...row, ca: null })],
  key: { pk: '${account}#registry#${host}', sk: 'login' },
  lists: { byHost: { index: 'gsi1', pk: '${account}#registries', sk: '${host}' } },
});

const hooks = entity<RegistryHook>()({
  name: 'registry-hook',
  attributes: {
    account: 'text',
    id: 'text',
    kind: 'text',
    host: 'text',
    created_by: 'text',
    created_at: 'text',
  },
  key: { pk: 'hook#${id}', sk: 'hook' },
  lists: { byId: { index: 'gsi1', pk: '${account}#hooks', sk: '${id}' } },
});

/**
 * What a webhook has delivered: the same again is a replay, or a retry of a delivery that arrived.
 */
interface Delivery {
  hook_id: string;
  body_hash: string;
  /** Seconds since 1970: DynamoDB removes the row some time after it. */
  ttl: number;
}

const deliveries = entity<Delivery>()({
  name: 'hook-delivery',
  attributes: { hook_id: 'text', body_hash: 'text', ttl: 'number' },
  key: { pk: 'hook#${hook_id}#delivery#${body_hash}', sk: 'delivery' },
});

/** Stores credentials over earlier ones: the last word counts. */
export function putRegistryLogin(login: RegistryLogin): Write {
  return logins.put(login);
}

/** What an account stored for a registry; null for nothing. */
export function getRegistryLogin(
  db: Db,
  account: string,
  host: string,
): Promise<RegistryLogin | null> {
  return logins.get(db, { account, host });
}

/** Every login of an account. */
export function listRegistryLogins(db: Db, account: string): Promise<RegistryLogin[]> {
  return logins.all(db, 'byHost', { account });
}

/** Fails with `not_found` when there is none. */
export function removeRegistryLogin(account: string, host: string): Write {
  return logins.removeWhere(
    { account, host },
    { host: present },
    () => new GantryError('not_found', `expected credentials for ${host}, found none`),
  );
}

export function createHook(hook: RegistryHook): Write {
  return hooks.create(hook, () => new GantryError('already_exists', `webhook ${hook.id} exists`));
}

export function getHook(db: Db, id: string): Promise<RegistryHook | null> {
  return hooks.get(db, { id });
}

/** Every webhook of an account. */
export function listHooks(db: Db, account: string): Promise<RegistryHook[]> {
  return hooks.all(db, 'byId', { account });
}

export function removeHook(id: string): Write {
  return hooks.removeWhere(
    { id },
    { id: present },
    () => new GantryError('not_found', `expected a webhook ${id}, found none`),
  );
}

/** DynamoDB may remove a row two days after its time, so the time is read. */
export async function wasDelivered(
  db: Db,
  { hook_id, body_hash }: Pick<Delivery, 'hook_id' | 'body_hash'>,
  now: Date,
): Promise<boolean> {
  const delivery = await deliveries.get(db, { hook_id, body_hash });
  return delivery !== null && delivery.ttl * 1000 > now.getTime();
}

/** Remembers a delivery until `until`. */
export async function rememberDelivery(
  db: Db,
  { hook_id, body_hash }: Pick<Delivery, 'hook_id' | 'body_hash'>,
  until: Date,
): Promise<void> {
  const ttl = Math.ceil(until.getTime() / 1000);
  await attempt(db, deliveries.put({ hook_id, body_hash, ttl }));
}
