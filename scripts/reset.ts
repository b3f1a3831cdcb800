import { existsSync, readdirSync } from 'node:fs';
import { fail } from './fail.ts';
import { forgetDeployment } from './forget.ts';
import { localDirectory } from './local-cloud.ts';

/** Deletes every local deployment; the virtual environment, which holds no state, stays. */
function reset(): void {
  if (!existsSync(localDirectory)) return;
  for (const name of readdirSync(localDirectory)) {
    if (name !== 'venv') forgetDeployment(name);
  }
  process.stdout.write('Deleted the local deployments.\n');
}

try {
  reset();
} catch (error) {
  fail(error);
}
