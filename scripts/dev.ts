import { parseArgs } from 'node:util';
import { adminToken, deployerServices } from './admin-token.ts';
import { Development } from './development.ts';
import { fail, onStopRequest } from './fail.ts';
import { forgetDeployment } from './forget.ts';
import { cloudEnvironment, projectRoot } from './local-cloud.ts';
import { type LocalStack, startLocalStack } from './local-stack.ts';
import { devDirectory, removeRunningStack, writeRunningStack } from './running-stack.ts';
import { watchFolders } from './watch-folders.ts';

const account = 'demo';

function say(sentence: string): void {
  process.stdout.write(`[${new Date().toTimeString().slice(0, 8)}] ${sentence}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { fresh: { type: 'boolean', default: false } } });
  if (values.fresh) forgetDeployment('dev');

  const stack = await startLocalStack({
    directory: devDirectory,
    portVariables: { cloud: 'GANTRY_CLOUD_PORT', site: 'GANTRY_PORT' },
    progress: say,
  });

  const stops: (() => void | Promise<void>)[] = [stack.stop];
  const stop = async () => {
    removeRunningStack(devDirectory);
    for (const end of stops.reverse()) await end();
  };

  onStopRequest(stop);

  try {
    Object.assign(process.env, cloudEnvironment(stack.endpoint));
    const development = await Development.begin(stack, say);

    stops.push(() => development.dispose());
    writeRunningStack(devDirectory, stack);

    const token = await adminToken(deployerServices(stack.outputs), account);
    const follow = (files: string[]) => development.follow(files);

    stops.push(watchFolders(projectRoot, ['functions', 'shared', 'infra'], follow));
    welcome(stack, token);
  } catch (error) {
    await stop();
    throw error;
  }
}

function welcome(stack: LocalStack, token: string): void {
  const lines = [
    '',
    `Start page   ${stack.publicUrl}/`,
    `Admin token  ${token}   (account ${account}; shown here only)`,
    'Logs         tail -f .local/dev/cloud/cloud.log',
    'Tests        npm test -- FILE   (tests of files use this stack while it is up)',
    '',
    'A change in functions/, shared/ or infra/ is deployed when its file is saved. Ctrl-C stops.',
    '',
  ];
  process.stdout.write(lines.join('\n'));
}

main().catch(fail);
