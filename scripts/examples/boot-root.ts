import { appendFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Machine } from '../machine/nspawn.ts';

/** The units whose modules have no other test that starts them by systemd. */
const units = ['nginx', 'apache2', 'chrony', 'redis-server'].map((name) => `${name}.service`);

/** The machine has no network, so these would wait for minutes. */
const waits = ['systemd-networkd-wait-online.service', 'chrony-wait.service'];

/**
 * Boots a machine from a root, and requires that systemd keeps the services of the modules active.
 * They have the capabilities and the sandbox that their units and manifests say.
 */
export async function checkBoot(root: string, work: string): Promise<void> {
  // The clock is that of this computer: chronyd runs without control of it.
  await appendFile(join(root, 'etc/default/chrony'), 'DAEMON_OPTS="-F 1 -x"\n');
  for (const unit of waits) await symlink('/dev/null', join(root, 'etc/systemd/system', unit));

  const machine = await Machine.boot({
    name: `gantry-examples-${process.pid}`,
    root,
    console: join(work, 'console'),
    args: [
      ...['--private-network', '--timezone=off', '--resolv-conf=off'],
      '--capability=CAP_SYS_TIME',
    ],
  });

  try {
    for (const unit of units) await requireActive(machine, unit);
  } finally {
    await machine.stop();
  }
}

async function requireActive(machine: Machine, unit: string): Promise<void> {
  const { stdout } = await machine.try('systemctl', 'is-active', unit);
  if (stdout === 'active\n') return;

  const { stdout: status } = await machine.try('systemctl', 'status', '--full', '--lines=30', unit);
  throw new Error(`expected ${unit} to be active, found ${stdout.trim()}\n${status}`);
}
