import { GantryError } from '../base/error.ts';
import { sha256Hex } from '../base/ids.ts';
import { compareBytes } from '../domain/files/index.ts';
import {
  type Database,
  plainName,
  type Wanted,
  type WantedGroup,
  type WantedUser,
} from './account-lines.ts';
import type { RootUser } from './services.ts';

/** No password matches it (shadow(5)), and it does not say that a password was locked. */
const noPassword = '!*';

/**
 * Numbers for users without one in their manifest, derived from their names: so a user has the same
 * number on every machine, whatever else is there. Debian's adduser gives 1000 and up one after the
 * other, and never comes here.
 */
const derivedIds = { first: 40_000, count: 19_000 };

export type Databases = Record<'passwd' | 'group' | 'shadow' | 'gshadow', Database>;

/** Numbers of users, or of groups, and who has each. */
class Ids {
  readonly #kind: string;
  readonly #names = new Map<number, string>();
  readonly #by = new Map<string, string>();

  constructor(kind: string, known: Iterable<readonly string[]>) {
    this.#kind = kind;
    for (const [name = '', , id] of known)
      if (!this.#names.has(Number(id))) this.#names.set(Number(id), name);
  }

  isFree(id: number): boolean {
    return !this.#names.has(id);
  }

  take(id: number, name: string, by: string): void {
    const other = this.#names.get(id);
    if (other !== undefined && other !== name) {
      throw conflictError(
        `expected one ${this.#kind} with the id ${id}, found ${other} of ${this.#by.get(other) ?? 'the base'} and ${name} of ${by}. Give one of them another id in its manifest`,
        { field: name, found: id },
      );
    }

    this.#names.set(id, name);
    this.#by.set(name, by);
  }

  requireSame(name: string, ids: { expected: number; found: number; by: string }): void {
    if (ids.expected === ids.found) return;
    throw conflictError(
      `expected ${this.#kind} ${name} to have the id ${ids.expected}, as ${this.#by.get(name) ?? 'the base'} says, found ${ids.found} in ${ids.by}. State the same id in both, or none in one`,
      { field: name, expected: ids.expected, found: ids.found },
    );
  }
}

/** Merges wanted users and groups into databases. Throws `user_conflict`. */
export class AccountMerge {
  readonly #all: Databases;
  readonly #warnings: string[];
  readonly #uids: Ids;
  readonly #gids: Ids;
  /** The homes and shells that manifests state: `name field` → the value and who says so. */
  readonly #stated = new Map<string, { value: string; by: string }>();

  constructor(all: Databases, warnings: string[]) {
    this.#all = all;
    this.#warnings = warnings;
    this.#uids = new Ids('user', all.passwd.rows());
    this.#gids = new Ids('group', all.group.rows());
  }

  /** Stated numbers come first, so that a derived one is the one that must give way. */
  add({ users, groups, members }: Wanted): void {
    const first = <Of extends { name: string }>(list: Of[], id: (one: Of) => unknown) =>
      list.toSorted(
        (a, b) =>
          Number(id(a) === undefined) - Number(id(b) === undefined) || compareBytes(a.name, b.name),
      );

    for (const group of first(groups, ({ gid }) => gid)) this.#addGroup(group);
    for (const user of first(users, ({ uid }) => uid)) this.#addUser(user);
    for (const one of members.toSorted(
      (a, b) => compareBytes(a.group, b.group) || compareBytes(a.user, b.user),
    ))
      this.#addMember(one);
  }

  #addGroup({ name, gid, by }: WantedGroup, fallback?: number): number {
    const known = this.#all.group.get(name);
    if (known !== undefined) {
      const found = Number(known[2]);
      if (gid !== undefined) this.#gids.requireSame(name, { expected: found, found: gid, by });
      return found;
    }

    const id = gid ?? fallback ?? derivedId(name);
    this.#gids.take(id, name, by);
    this.#all.group.add([name, 'x', String(id), '']);
    if (this.#all.gshadow.get(name) === undefined) this.#all.gshadow.add([name, '!*', '', '']);
    return id;
  }

  #addUser(user: WantedUser): void {
    const { name, by } = user;
    const known = this.#all.passwd.get(name);
    if (known !== undefined && user.uid !== undefined)
      this.#uids.requireSame(name, { expected: Number(known[2]), found: user.uid, by });

    const uid = known === undefined ? (user.uid ?? derivedId(name)) : Number(known[2]);
    if (known === undefined) this.#uids.take(uid, name, by);
    const gid = this.#primaryGroup(user, uid, known);

    if (known === undefined) {
      const { gecos = '', home = '/', shell = '/usr/sbin/nologin' } = user;
      this.#all.passwd.add([name, 'x', String(uid), String(gid), gecos, home, shell]);
      if (user.uid === undefined)
        this.#warnings.push(
          `the user ${name} of ${by} has no uid in its manifest; it gets ${uid}, which follows from its name`,
        );
    }
    if (user.isStated) this.#state(user, gid);
    if (this.#all.shadow.get(name) === undefined)
      this.#all.shadow.add([name, noPassword, '', '', '', '', '', '', '']);
  }

  #primaryGroup(
    { name, gid, group, by }: WantedUser,
    uid: number,
    known?: readonly string[],
  ): number {
    if (gid === undefined && group === undefined && known !== undefined) return Number(known[3]);
    if (group !== undefined || gid === undefined || gid === uid) {
      const own = group ?? name;
      const fallback = own === name && this.#gids.isFree(uid) ? uid : undefined;
      return this.#addGroup({ name: own, gid, by }, fallback);
    }

    return gid;
  }

  /** Sets what a manifest states of a user. Two that state different things are a conflict. */
  #state({ name, gecos, home, shell, by, ...user }: WantedUser, gid: number): void {
    const says = {
      3: user.gid === undefined && user.group === undefined ? undefined : String(gid),
      4: gecos,
      5: home,
      6: shell,
    };
    for (const [index, value] of Object.entries(says)) {
      if (value === undefined) continue;
      const key = `${name} ${index}`;
      const other = this.#stated.get(key);
      if (other !== undefined && other.value !== value) {
        throw conflictError(
          `expected ${by} and ${other.by} to agree about the user ${name}, found ${JSON.stringify(value)} and ${JSON.stringify(other.value)}`,
          { field: name, expected: other.value, found: value },
        );
      }

      this.#stated.set(key, { value, by });
      this.#all.passwd.set(name, Number(index), value);
    }
  }

  #addMember({ user, group, by }: Wanted['members'][number]): void {
    const isKnown =
      this.#all.passwd.get(user) !== undefined && this.#all.group.get(group) !== undefined;
    if (!isKnown) {
      this.#warnings.push(
        `${by} puts the user ${user} into the group ${group}, and the root has not both; it is left out`,
      );
      return;
    }

    this.#all.group.addMember(group, 3, user);
    if (this.#all.gshadow.get(group) !== undefined) this.#all.gshadow.addMember(group, 3, user);
  }

  users(): Map<string, RootUser> {
    // Units name them, and a database may hold any text.
    const named = [...this.#all.group.rows()].filter(([name = '']) => plainName.test(name));
    const groups = new Map(named.map(([name = '', , gid]) => [Number(gid), name]));
    return new Map(
      [...this.#all.passwd.rows()].map(([name = '', , uid, gid]) => [
        name,
        { uid: Number(uid), gid: Number(gid), group: groups.get(Number(gid)) ?? String(gid) },
      ]),
    );
  }
}

/** A user and its own group get one number. */
function derivedId(name: string): number {
  const number = Number.parseInt(sha256Hex(`account ${name}`).slice(0, 12), 16);
  return derivedIds.first + (number % derivedIds.count);
}

function conflictError(
  message: string,
  context: { field: string; expected?: unknown; found: unknown },
) {
  return new GantryError('user_conflict', message, context);
}
