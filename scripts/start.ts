import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { adminToken, deployerServices } from './admin-token.ts';
import { fail, onStopRequest } from './fail.ts';
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

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { exit: { type: 'boolean', default: false } } });
  const stack = await startLocalStack({
    directory,
    portVariables: { cloud: 'GANTRY_CLOUD_PORT', site: 'GANTRY_PORT' },
    progress,
  });

  onStopRequest(stack.stop);
  try {
    Object.assign(process.env, cloudEnvironment(stack.endpoint));
    const services = deployerServices(stack.outputs);
    const token = await adminToken(services, account);

    progress('Gantry is up');
    await walk({ stack, account, token, directory, say });
    if (values.exit) {
      await stack.stop();
      farewell();
      return;
    }

    welcome(stack, token);
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

function farewell(): void {
  say(
    'Every step succeeded: a signed module reached a machine, and two bad artifacts were refused.',
  );
  say('npm start continues from this state and serves; npm run reset deletes it.');
}

function welcome(stack: LocalStack, token: string): void {
  say('');
  say(`Start page   ${stack.publicUrl}/`);
  say(`API docs     ${stack.publicUrl}/api/v1/docs`);
  say(`Registry     ${stack.endpoint.replace('http://', '')} (ECR of the local cloud)`);
  say(`Mail         ${stack.endpoint}/_ministack/ses/messages   (every mail that was sent)`);
  say(`Admin token  ${token}   (account ${account}; shown here only)`);
  say('');
  say(`Try          export GANTRY_URL=${stack.publicUrl} GANTRY_TOKEN=${token}`);
  say('             bin/gantry module list');
  say('');
  say('Ctrl-C stops it. The next npm start continues from this state.');
  say('npm run reset deletes the state.');
}

main().catch(fail);
