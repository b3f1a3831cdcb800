import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { GantryError } from '../shared/base/error.ts';
import { localDirectory, runningCloud } from './local-cloud.ts';

/**
 * Deletes the state of a local deployment.
 *
 * @throws GantryError `conflict` when it is running
 */
export function forgetDeployment(name: string): void {
  const directory = join(localDirectory, name);
  const pid = runningCloud(join(directory, 'cloud'));

  if (pid !== undefined) {
    throw new GantryError(
      'conflict',
      `The local Gantry "${name}" is running, as process ${pid}; stop it first.`,
    );
  }

  rmSync(directory, { recursive: true, force: true });
}
