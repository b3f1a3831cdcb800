import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GantryError } from '../shared/base/error.ts';
import { fail, onStopRequest } from './fail.ts';
import { keptAdminToken } from './kept-token.ts';
import { cloudEnvironment, localDirectory } from './local-cloud.ts';
import { type LocalStack, startLocalStack } from './local-stack.ts';
import { walk } from './walk/index.ts';

const account = 'demo';
const directory = join(localDirectory, 'start');
const startedAt = performance.now();

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function progress(sentence: string): void {
  say(`[${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s] ${sentence}`);
}

const options = {
  exit: { type: 'boolean', default: false },
  'no-walk': { type: 'boolean', default: false },
} as const;

async function main(): Promise<void> {
  const { values } = parseArgs({ options });
  const stack = await startLocalStack({
    directory,
    portVariables: { cloud: 'GANTRY_CLOUD_PORT', site: 'GANTRY_PORT' },
    progress,
  });

  onStopRequest(stack.stop);
  try {
    Object.assign(process.env, cloudEnvironment(stack.endpoint));
    const token = await keptAdminToken(stack, account, directory);

    progress('Gantry is up');
    const stopped = values['no-walk']
      ? undefined
      : await walk({ stack, account, token, directory, say });
    if (values.exit) {
      if (stopped !== undefined) throw new GantryError('conflict', stopped);
      await stack.stop();
      farewell(values['no-walk']);
      return;
    }

    welcome(stack, token, stopped);
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

function farewell(unwalked: boolean): void {
  say(
    unwalked
      ? 'Gantry started and stopped.'
      : 'Every step succeeded: a signed module reached a machine, and two bad artifacts were refused.',
  );
  say('npm start continues from this state and serves; npm run reset deletes it.');
}

function welcome(stack: LocalStack, token: string, stopped: string | undefined): void {
  if (stopped !== undefined) {
    say(stopped);
    say('Gantry serves all the same. Change what stopped the walk, or start without it:');
    say('npm start -- --no-walk');
  }
  say('');
  say(`Start page   ${stack.publicUrl}/`);
  say(`API docs     ${stack.publicUrl}/api/v1/docs`);
  say(`Registry     ${stack.endpoint.replace('http://', '')} (ECR of the local cloud)`);
  say(`Mail         ${stack.endpoint}/_ministack/ses/messages   (every mail that was sent)`);
  say(`Admin token  ${token}   (account ${account}; shown only here and kept for the next start)`);
  say('');
  say(`Try          export GANTRY_URL=${stack.publicUrl} GANTRY_TOKEN=${token}`);
  say('             bin/gantry module list');
  say('');
  say('Ctrl-C stops it. The next npm start continues from this state.');
  say('npm run reset deletes the state.');
}

main().catch(fail);
