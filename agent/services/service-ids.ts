import { execFile } from 'node:child_process';
import { mkdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GantryError } from '../../shared/base/error.ts';
import { errnoOf } from '../failure.ts';
import { writeAtomic } from '../files.ts';
import type { MachineService } from './services-record.ts';

const run = promisify(execFile);

/** systemd reads users of its own from here (systemd-userdbd.service(8)); a reboot empties it. */
const folder = '/run/userdb';

/**
 * Makes the numbers of a root's users and groups known to the machine: systemd starts no unit as a
 * number without a name (systemd.exec(5), `User=`). Numbers that the machine knows stay as they
 * are, and the names of the others say that they are Gantry's.
 *
 * @throws `service_failed` when the machine does not look there
 */
export async function addServiceIds({ unit, uids, gids }: MachineService): Promise<void> {
  for (const gid of gids) {
    await addId('group', gid, { groupName: nameOf(gid), gid }, unit);
  }

  for (const uid of uids) {
    const record = {
      userName: nameOf(uid),
      uid,
      gid: gids[0] ?? 0,
      disposition: 'system',
      homeDirectory: '/nonexistent',
      shell: '/usr/sbin/nologin',
    };
    await addId('user', uid, record, unit);
  }
}

async function addId(
  kind: 'user' | 'group',
  id: number,
  record: object,
  unit: string,
): Promise<void> {
  const database = kind === 'user' ? 'passwd' : 'group';
  if (await isKnown(database, id)) return;

  await mkdir(folder, { recursive: true });
  const name = `${nameOf(id)}.${kind}`;
  await writeAtomic(join(folder, name), `${JSON.stringify(record)}\n`);
  await link(name, join(folder, `${id}.${kind}`));
  if (await isKnown(database, id)) return;

  throw new GantryError(
    'service_failed',
    `${unit} runs as the ${kind} ${id}, which this machine does not know. Run apt-get install libnss-systemd.`,
    { field: unit },
  );
}

async function isKnown(database: string, id: number): Promise<boolean> {
  return run('getent', [database, String(id)]).then(
    () => true,
    () => false,
  );
}

/** A lookup by number reads the file of that name. */
async function link(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST' || (await readlink(path)) !== target) throw error;
  }
}

function nameOf(id: number): string {
  return `gantry-${id}`;
}
