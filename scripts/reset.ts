import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { GantryError } from '../shared/base/error.ts';
import { fail } from './fail.ts';
import { localDirectory, runningCloud } from './local-cloud.ts';

/** Forgets every local deployment; the virtual environment, which holds no state, stays. */
function reset(): void {
  if (!existsSync(localDirectory)) return;
  for (const name of readdirSync(localDirectory)) {
    if (name === 'venv') continue;
    const pid = runningCloud(join(localDirectory, name, 'cloud'));
    if (pid !== undefined) {
      throw new GantryError(
        'conflict',
        `The local Gantry "${name}" is running, as process ${pid}; stop it first.`,
      );
    }
    rmSync(join(localDirectory, name), { recursive: true, force: true });
  }
  process.stdout.write('Forgot the local deployments.\n');
}

try {
  reset();
} catch (error) {
  fail(error);
}
