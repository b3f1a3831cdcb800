import type { MachineManifest, UnitLayer } from './input.ts';
import { layerName } from './input.ts';

/** A user that somebody asks for. Undefined: not said. */
export interface WantedUser {
  name: string;
  uid: number | undefined;
  /** Of the primary group; of neither, the user gets a group of its own name. */
  gid: number | undefined;
  group: string | undefined;
  gecos: string | undefined;
  home: string | undefined;
  shell: string | undefined;
  /** Whether a manifest says so. What a build recorded holds for new users alone. */
  isStated: boolean;
  /** Who asks: `acme/web`, or the path of a fragment. */
  by: string;
}

export interface WantedGroup {
  name: string;
  gid: number | undefined;
  by: string;
}

export interface Wanted {
  users: WantedUser[];
  groups: WantedGroup[];
  members: { user: string; group: string; by: string }[];
}

/** What the manifests of layers ask for. */
export function wantedByManifests(layers: readonly UnitLayer[]): Wanted {
  return joinWanted(layers.map((layer) => wantedByManifest(layer.manifest, layerName(layer))));
}

function wantedByManifest({ users = [], groups = [] }: MachineManifest, by: string): Wanted {
  return {
    users: users.map(({ name, uid, primary_gid, primary_group, gecos, home, shell }) => ({
      name,
      uid,
      gid: primary_gid,
      group: primary_group,
      gecos,
      home,
      shell,
      isStated: true,
      by,
    })),
    groups: groups.map(({ name, gid }) => ({ name, gid, by })),
    members: [
      ...users.flatMap(({ name, supplementary_groups = [] }) =>
        supplementary_groups.map((group) => ({ user: name, group, by })),
      ),
      ...groups.flatMap(({ name, members = [] }) =>
        members.map((user) => ({ user, group: name, by })),
      ),
    ],
  };
}

/** A name with ":" in it would be a whole line of passwd. */
export const plainName = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/;

/**
 * What a build recorded of the users that maintainer scripts made: lines of sysusers.d(5) as builds
 * write them, with numbers. Lines of another form are skipped: systemd-sysusers reads them.
 */
export function wantedByFragment(text: string, by: string): Wanted {
  const rows = text
    .split('\n')
    .map((line) => [...line.matchAll(/"(?:[^"\\]|\\.)*"|\S+/g)].map(([word]) => word));
  const ofKind = (kind: string) =>
    rows
      .filter(([word, name = '']) => word === kind && plainName.test(name))
      .map((row) => row.slice(1));

  return {
    users: ofKind('u').flatMap(([name = '', ids = '', ...rest]) => {
      const [, uid, owner] = /^(\d+)(?::([^:]+))?$/.exec(ids) ?? [];
      if (uid === undefined) return [];
      const [gecos, home, shell] = rest.map(textOf);
      const { gid, group } = groupOf(name, Number(uid), owner);
      return [{ name, uid: Number(uid), gid, group, gecos, home, shell, isStated: false, by }];
    }),
    groups: ofKind('g').flatMap(([name = '', gid = '']) =>
      /^\d+$/.test(gid) ? [{ name, gid: Number(gid), by }] : [],
    ),
    members: ofKind('m').map(([user = '', group = '']) => ({ user, group, by })),
  };
}

/** Without a group, a user has one of its name and number. A group that is named has a line. */
function groupOf(name: string, uid: number, owner: string | undefined) {
  if (owner === undefined) return { gid: uid, group: name };
  return /^\d+$/.test(owner)
    ? { gid: Number(owner), group: undefined }
    : { gid: undefined, group: owner };
}

/** Undefined for "-", and for what no field of passwd holds. */
function textOf(word: string): string | undefined {
  if (word === '-' || /[:\p{Cc}]/u.test(word)) return undefined;
  const [, quoted] = /^"(.*)"$/.exec(word) ?? [];
  return quoted === undefined ? word : quoted.replaceAll(/\\(.)/g, '$1');
}

export function joinWanted(all: readonly Wanted[]): Wanted {
  return {
    users: all.flatMap(({ users }) => users),
    groups: all.flatMap(({ groups }) => groups),
    members: all.flatMap(({ members }) => members),
  };
}

/** A database of users or groups: its lines as they are, found by name. */
export class Database {
  readonly #lines: string[][];
  readonly #byName = new Map<string, string[]>();
  #hasChanged = false;

  constructor(text: string) {
    this.#lines = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(':'));
    // The first line of a name is the one that programs find.
    for (const fields of this.#lines)
      if (!this.#byName.has(fields[0] ?? '')) this.#byName.set(fields[0] ?? '', fields);
  }

  get(name: string): readonly string[] | undefined {
    return this.#byName.get(name);
  }

  rows(): IterableIterator<readonly string[]> {
    return this.#byName.values();
  }

  add(fields: string[]): void {
    this.#lines.push(fields);
    this.#byName.set(fields[0] ?? '', fields);
    this.#hasChanged = true;
  }

  /** Sets a field of a line; what it is already changes nothing. */
  set(name: string, index: number, value: string): void {
    const fields = this.#byName.get(name);
    if (fields === undefined || fields[index] === value) return;
    fields[index] = value;
    this.#hasChanged = true;
  }

  addMember(name: string, index: number, member: string): void {
    const members = (this.#byName.get(name)?.[index] ?? '').split(',').filter((one) => one !== '');
    if (!members.includes(member)) this.set(name, index, [...members, member].join(','));
  }

  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  format(): string {
    return this.#lines.map((fields) => `${fields.join(':')}\n`).join('');
  }
}
