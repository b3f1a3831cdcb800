import { randomBytes } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ancestorPaths } from '../../shared/domain/files/index.ts';
import { readIfPresent, writeAtomic } from '../files.ts';
import type { AgentPaths } from '../paths.ts';

/** Where a machine that boots from its composition has the agent's directory. */
export const bootedDirectory = '/var/lib/gantry';

/**
 * Gives a machine that boots from its composition what it needs before its first boot: an identity
 * (machine-id(5)), as its `/etc` is read-only, and a place for the agent's directory.
 */
export async function prepareFirstBoot({ machineData }: AgentPaths): Promise<void> {
  for (const path of [...ancestorPaths(bootedDirectory).slice(1), bootedDirectory, '/etc']) {
    const made = await mkdir(machineData + path, { recursive: true });
    // Every user of the machine passes through it, whatever the agent's umask is.
    if (made !== undefined) await chmod(made, 0o755);
  }

  const identity = join(machineData, 'etc/machine-id');
  if ((await readIfPresent(identity)) === undefined)
    await writeAtomic(identity, `${randomBytes(16).toString('hex')}\n`, 0o444);
}
