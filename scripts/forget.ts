import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { GantryError } from '../shared/base/error.ts';
import { localDirectory, runningCloud } from './local-cloud.ts';

/**
 * Deletes the state of a local deployment.
 *
 * @throws GantryError `conflict` when it is running
 */
export function forgetDeployment(name: string, parent = localDirectory): void {
  requireStopped(name, parent);
  rmSync(join(parent, name), { recursive: true, force: true });
}

/**
 * Deletes the state of every local deployment, or of none if one is running. A directory without a
 * cloud is no deployment and stays: it may be a person's own.
 *
 * @throws GantryError `conflict` when one is running
 */
export function forgetDeployments(parent = localDirectory): void {
  if (!existsSync(parent)) return;
  const names = readdirSync(parent).filter((name) => existsSync(join(parent, name, 'cloud')));

  for (const name of names) requireStopped(name, parent);
  for (const name of names) forgetDeployment(name, parent);
}

function requireStopped(name: string, parent: string): void {
  const pid = runningCloud(join(parent, name, 'cloud'));
  if (pid === undefined) return;
  throw new GantryError(
    'conflict',
    `The local Gantry "${name}" is running, as process ${pid}; stop it first.`,
  );
}
