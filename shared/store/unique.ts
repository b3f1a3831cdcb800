import type { GantryError } from '../base/error.ts';
import { type Db, entity, type Write } from './table/index.ts';

/** A name taken inside an account: what makes template names or version strings unique. */
interface UniqueName {
  account: string;
  kind: string;
  value: string;
  owner: string;
}

const names = entity<UniqueName>()({
  name: 'unique',
  attributes: { account: 'text', kind: 'text', value: 'text', owner: 'text' },
  key: { pk: '${account}#unique#${kind}#${value}', sk: 'unique' },
});

/** Takes a name as part of a transaction. */
export function takeName(
  account: string,
  kind: string,
  value: string,
  owner: string,
  refuse: () => GantryError,
): Write {
  return names.create({ account, kind, value, owner }, refuse);
}

export function freeName(account: string, kind: string, value: string): Write {
  return names.removeWhere({ account, kind, value });
}

/** The id that has the name, or null. */
export async function nameOwner(
  db: Db,
  account: string,
  kind: string,
  value: string,
): Promise<string | null> {
  return (await names.get(db, { account, kind, value }))?.owner ?? null;
}
