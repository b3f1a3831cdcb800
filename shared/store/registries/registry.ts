import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import type { HookKind, RegistryHook, RegistryLogin } from '../../domain/registries/index.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  json,
  key,
  number,
  putIfAbsent,
  query,
  read,
  remove,
  service,
  text,
  type Write,
} from '../db.ts';

const options = { table: 'table' };

const logins = new Entity(
  {
    model: { entity: 'registry-login', version: '1', service },
    attributes: {
      account: text,
      host: text,
      username: text,
      stored_by: text,
      stored_at: text,
    } satisfies Attributes<RegistryLogin>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'host'], '${account}#registry#${host}'),
        sk: key('sk', [], 'login'),
      },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account'], '${account}#registries'),
        sk: key('gsi1sk', ['host'], '${host}'),
      },
    },
  } as const,
  options,
);

const hooks = new Entity(
  {
    model: { entity: 'registry-hook', version: '1', service },
    attributes: {
      account: text,
      id: text,
      kind: json<HookKind>(),
      host: text,
      created_by: text,
      created_at: text,
    } satisfies Attributes<RegistryHook>,
    indexes: {
      primary: { pk: key('pk', ['id'], 'hook#${id}'), sk: key('sk', [], 'hook') },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account'], '${account}#hooks'),
        sk: key('gsi1sk', ['id'], '${id}'),
      },
    },
  } as const,
  options,
);

/** What a webhook has delivered: the same again is a replay, or the sender's retry of what arrived. */
const deliveries = new Entity(
  {
    model: { entity: 'hook-delivery', version: '1', service },
    attributes: {
      hook_id: text,
      body_hash: text,
      /** Seconds since 1970: DynamoDB removes the row some time after it. */
      ttl: number,
    },
    indexes: {
      primary: {
        pk: key('pk', ['hook_id', 'body_hash'], 'hook#${hook_id}#delivery#${body_hash}'),
        sk: key('sk', [], 'delivery'),
      },
    },
  } as const,
  options,
);

/** Stores it, over one that is there: the newest word counts. */
export function putRegistryLogin(login: RegistryLogin): Write {
  return change(logins.put(login).params());
}

export function listRegistryLogins(db: Db, account: string): Promise<RegistryLogin[]> {
  return query(db, logins, logins.query.list({ account }).params());
}

/** Fails with `not_found` when there is none. */
export function removeRegistryLogin(account: string, host: string): Write {
  return remove(
    logins.remove({ account, host }).params(),
    () => new GantryError('not_found', `expected credentials for ${host}, found none`),
  );
}

export function createHook(hook: RegistryHook): Write {
  return create(
    hooks.create(hook as never).params(),
    () => new GantryError('already_exists', `webhook ${hook.id} exists`),
  );
}

export function getHook(db: Db, id: string): Promise<RegistryHook | null> {
  return read(db, hooks, hooks.get({ id }).params());
}

export function listHooks(db: Db, account: string): Promise<RegistryHook[]> {
  return query(db, hooks, hooks.query.list({ account }).params());
}

export function removeHook(id: string): Write {
  return remove(
    hooks.remove({ id }).params(),
    () => new GantryError('not_found', `expected a webhook ${id}, found none`),
  );
}

export async function wasDelivered(db: Db, hook_id: string, body_hash: string): Promise<boolean> {
  return (await read(db, deliveries, deliveries.get({ hook_id, body_hash }).params())) !== null;
}

/** Remembers a delivery until `until`. */
export function rememberDelivery(
  db: Db,
  hook_id: string,
  body_hash: string,
  until: Date,
): Promise<void> {
  const ttl = Math.ceil(until.getTime() / 1000);
  return putIfAbsent(db, deliveries.create({ hook_id, body_hash, ttl }).params());
}
