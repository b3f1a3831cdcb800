/** A user of a root file system, with what systemd would read from the machine's own databases. */
export interface RootUser {
  uid: number;
  gid: number;
  /** Groups that have the user as a member. */
  groups: number[];
  home: string;
  shell: string;
  name: string;
}

/** Users and groups of a root file system, which the machine's own databases do not have. */
export class RootUsers {
  readonly #passwd: string[][];
  readonly #group: string[][];

  /**
   * @param passwd the text of its /etc/passwd (passwd(5))
   * @param group the text of its /etc/group (group(5))
   */
  constructor(passwd: string, group: string) {
    this.#passwd = readFields(passwd, 7);
    this.#group = readFields(group, 4);
  }

  /** A user by name or number; undefined when the root has none. */
  findUser(user: string): RootUser | undefined {
    const row = this.#passwd.find(([name, , uid]) => name === user || uid === user);
    if (row === undefined) return undefined;

    const [name = '', , uid, gid, , home = '/', shell = ''] = row;
    const groups = this.#group
      .filter(([, , , members = '']) => members.split(',').includes(name))
      .map(([, , id]) => Number(id));
    return { name, uid: Number(uid), gid: Number(gid), groups, home, shell };
  }

  /** The number of a group by its name or number; undefined when the root has none. */
  findGroup(group: string): number | undefined {
    const row = this.#group.find(([name, , gid]) => name === group || gid === group);
    return row === undefined ? undefined : Number(row[2]);
  }
}

function readFields(text: string, count: number): string[][] {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= count && /^\d+$/.test(fields[2] ?? ''));
}
