import { isMap, parseDocument } from 'yaml';
import { z } from 'zod';
import { GantryError } from '../base/error.ts';
import { compareBytes } from '../domain/files/index.ts';
import type { Accounts } from './accounts.ts';

/**
 * Ids that the table gives. Debian's adduser takes the lowest free id from 100 up, systemd-sysusers
 * the highest from 999 down, so neither meets these.
 */
const firstId = 400;
const lastId = 899;

const id = z.int().min(1).max(59_999);
const table = z.strictObject({
  users: z.record(z.string(), z.strictObject({ uid: id, gid: id.optional() })).default({}),
  groups: z.record(z.string(), z.strictObject({ gid: id })).default({}),
});

/** The account's table of user and group ids, `ids.yaml`. A user's own group is in `groups`. */
export type IdTable = z.infer<typeof table>;

export const idTableName = 'ids.yaml';

/** Parses `ids.yaml`. @throws GantryError `ids_invalid` */
export function parseIds(text: string, path: string): IdTable {
  const document = parseDocument(text);
  const invalid = (message: string) => new GantryError('ids_invalid', `${path}: ${message}`);
  const [problem] = document.errors;
  if (problem) throw invalid(problem.message.split('\n')[0] ?? 'expected YAML');
  if (document.contents !== null && !isMap(document.contents))
    throw invalid('expected users and groups');

  const parsed = table.safeParse(document.toJS() ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${issue?.path.join('.')}: ${issue?.message}`);
  }

  const twice = sharedId(parsed.data);
  if (twice) throw invalid(`expected one name for each id, found ${twice}`);
  return parsed.data;
}

function sharedId({ users, groups }: IdTable): string | undefined {
  for (const [kind, ids] of [
    ['uid', Object.entries(users).map(([name, { uid }]) => [name, uid] as const)],
    ['gid', Object.entries(groups).map(([name, { gid }]) => [name, gid] as const)],
  ] as const) {
    const seen = new Map<number, string>();
    for (const [name, number] of ids) {
      const other = seen.get(number);
      if (other !== undefined) return `${kind} ${number} for ${other} and ${name}`;
      seen.set(number, name);
    }
  }

  return undefined;
}

const comment =
  '# User and group ids of this account’s modules. Commit this file. Never change or reuse an id.\n';

/**
 * Formats `ids.yaml`.
 * @param text the file as it is: its order and comments stay, and only new names are added
 */
export function formatIds({ users, groups }: IdTable, text = comment): string {
  const document = parseDocument(text);
  const known = parseIds(text, idTableName);

  for (const [name, ids] of byName(users))
    if (known.users[name] === undefined) document.setIn(['users', name], ids);
  for (const [name, ids] of byName(groups))
    if (known.groups[name] === undefined) document.setIn(['groups', name], ids);

  return document.contents === null ? text : document.toString();
}

function byName<T>(record: Record<string, T>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => compareBytes(a, b));
}

/**
 * Returns the table with an id for each user and group that has none. A user and a group of one
 * name get one number where it is free for both.
 */
export function assignIds(known: IdTable, wanted: { users: string[]; groups: string[] }): IdTable {
  const users = { ...known.users };
  const groups = { ...known.groups };
  const taken = new Set([
    ...Object.values(users).flatMap(({ uid, gid }) => [uid, gid ?? uid]),
    ...Object.values(groups).map(({ gid }) => gid),
  ]);

  for (const name of [...new Set([...wanted.users, ...wanted.groups])].sort(compareBytes)) {
    const isUser = wanted.users.includes(name) && users[name] === undefined;
    const isGroup = wanted.groups.includes(name) && groups[name] === undefined;
    if (!isUser && !isGroup) continue;

    const number = groups[name]?.gid ?? users[name]?.uid ?? freeId(taken);
    taken.add(number);
    if (isUser) users[name] = { uid: number };
    if (isGroup) groups[name] = { gid: number };
  }

  return { users, groups };
}

function freeId(taken: ReadonlySet<number>): number {
  for (let number = firstId; number <= lastId; number++) if (!taken.has(number)) return number;
  const message = `expected a free id from ${firstId} to ${lastId} in ${idTableName}, found none; add the name with an id of your own below 60000`;
  throw new GantryError('ids_invalid', message);
}

/** Names of a tree's new accounts whose ids differ from the table's. */
export function misplacedAccounts(accounts: Accounts, ids: IdTable): string[] {
  return [
    ...accounts.users.flatMap(({ name, uid }) => (ids.users[name]?.uid === uid ? [] : [name])),
    ...accounts.groups.flatMap(({ name, gid }) => (ids.groups[name]?.gid === gid ? [] : [name])),
  ];
}
