import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The first systemd that can restart user space into another root. */
const softRebootVersion = 254;

/** Why this machine cannot soft-reboot, as a sentence; undefined when it can. */
export async function findSoftRebootObstacle(): Promise<string | undefined> {
  const { stdout } = await run('systemctl', ['--version']);
  const version = Number(/^systemd (\d+)/.exec(stdout)?.[1]);
  return version >= softRebootVersion
    ? undefined
    : `Its systemd is ${version}, and a new root without a reboot needs ${softRebootVersion}.`;
}

/** Restarts user space in the root at `/run/nextroot`. The agent ends with all other services. */
export async function softReboot(): Promise<void> {
  await run('systemctl', ['--no-block', 'soft-reboot']);
}
