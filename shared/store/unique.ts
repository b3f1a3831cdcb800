import { Entity } from 'electrodb';
import type { GantryError } from '../base/error.ts';
import { create, type Db, key, read, remove, service, text, type Write } from './db.ts';

/** A name taken inside an account: what makes e-mails, template names or version strings unique. */
const unique = new Entity(
  {
    model: { entity: 'unique', version: '1', service },
    attributes: { account: text, kind: text, value: text, owner: text },
    indexes: {
      primary: {
        pk: key('pk', ['account', 'kind', 'value'], '${account}#unique#${kind}#${value}'),
        sk: key('sk', [], 'unique'),
      },
    },
  } as const,
  { table: 'table' },
);

/** Takes a name as part of a transaction. */
export function takeName(
  account: string,
  kind: string,
  value: string,
  owner: string,
  refuse: () => GantryError,
): Write {
  return create(unique.create({ account, kind, value, owner }).params(), refuse);
}

export function freeName(account: string, kind: string, value: string): Write {
  return remove(unique.delete({ account, kind, value }).params());
}

/** Who has the name, or null. */
export async function nameOwner(
  db: Db,
  account: string,
  kind: string,
  value: string,
): Promise<string | null> {
  return (
    (await read<{ owner: string }>(db, unique, unique.get({ account, kind, value }).params()))
      ?.owner ?? null
  );
}
