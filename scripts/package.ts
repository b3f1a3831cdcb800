import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GantryError } from '../shared/base/error.ts';
import { fail } from './fail.ts';
import { localDirectory } from './local-cloud.ts';
import { makePackages } from './package/make-packages.ts';
import { type Architecture, architectures } from './package/runtime.ts';

/** Makes the Debian packages and the npm package of the command line and the agent. */
async function packageAll(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(localDirectory, 'packages') },
      architecture: { type: 'string', multiple: true, default: architectures },
      revision: { type: 'string', default: '1' },
    },
  });

  const unknown = values.architecture.find((one) => !architectures.includes(one as Architecture));
  if (unknown !== undefined) {
    const message = `--architecture: expected ${architectures.join(' or ')}, found ${unknown}`;
    throw new GantryError('usage', message);
  }
  if (!/^[1-9][0-9]{0,8}$/.test(values.revision)) {
    const message = `--revision: expected a whole number from 1, found ${values.revision}`;
    throw new GantryError('usage', message);
  }

  const names = await makePackages({
    out: values.out,
    architectures: values.architecture as Architecture[],
    revision: Number(values.revision),
  });
  for (const name of names) process.stdout.write(`${join(values.out, name)}\n`);
}

await packageAll().catch(fail);
