import type { GantryError } from '../base/error.ts';
import { type Db, entity, type Write } from './table/index.ts';

/** A name taken inside an account: what makes template names or version strings unique. */
interface UniqueName {
  account: string;
  kind: string;
  value: string;
}

interface TakenName extends UniqueName {
  /** The id of the row that has the name. */
  owner: string;
}

const names = entity<TakenName>()({
  name: 'unique',
  attributes: { account: 'text', kind: 'text', value: 'text', owner: 'text' },
  key: { pk: '${account}#unique#${kind}#${value}', sk: 'unique' },
});

/** Takes a name as part of a transaction. */
export function takeName(name: TakenName, refuse: () => GantryError): Write {
  return names.create(name, refuse);
}

export function freeName(name: UniqueName): Write {
  return names.removeWhere(name);
}

/** The id that has the name, or null. */
export async function findNameOwner(db: Db, name: UniqueName): Promise<string | null> {
  return (await names.get(db, name))?.owner ?? null;
}
