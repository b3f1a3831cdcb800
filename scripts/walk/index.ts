import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr';
import { runGantry, type Walk, type WalkContext } from './context.ts';
import { promote } from './promote.ts';
import { publishAndIngest } from './publish.ts';
import { composeAndReconcile } from './reconcile.ts';
import { refuse } from './refuse.ts';

const module = 'my-redis';

/**
 * Takes my-redis of the walkthrough from a folder on disk to a machine. Every step is a command of
 * the CLI or a mail. A later walk uses what an earlier one made, and does only what is missing.
 * Policies or users can stop a walk, which must not keep Gantry from serving.
 * @returns why the walk stopped, or undefined if every step happened
 */
export async function walk(context: WalkContext): Promise<string | undefined> {
  let heading = 'Preparing';
  const walk = describeWalk(context, (title) => {
    heading = title;
    context.say(`\n── ${title}`);
  });

  try {
    await prepare(walk);
    const published = await publishAndIngest(walk);

    await promote(walk, published);
    await composeAndReconcile(walk, published);
    await refuse(walk);
    return undefined;
  } catch (error) {
    return `The walk stopped at "${heading}": ${(error as Error).message}`;
  } finally {
    context.say('');
  }
}

/** What the steps of a walk use. They publish the module until they name another. */
export function describeWalk(context: WalkContext, step: Walk['step']): Walk {
  const registry = context.stack.endpoint.replace('http://', '');
  const directory = join(context.directory, 'walk');

  return {
    context,
    gantry: (...args) => runGantry(context, args),
    asRita: (...args) => runGantry(context, args, { XDG_CONFIG_HOME: join(directory, 'rita') }),
    directory,
    repository: `${registry}/${context.account}/${module}`,
    module,
    step,
    saw: (line) => context.say(`   ${line}`),
  };
}

/** Makes the keys of authors, and the repository of a module. */
export async function prepare({ context, directory, module }: Walk): Promise<void> {
  mkdirSync(directory, { recursive: true });
  await createRepository(context.stack.endpoint, `${context.account}/${module}`);
  for (const name of ['author', 'stranger']) makeKey(directory, name);
}

async function createRepository(endpoint: string, repositoryName: string): Promise<void> {
  try {
    await new ECRClient({ endpoint }).send(new CreateRepositoryCommand({ repositoryName }));
  } catch (error) {
    if ((error as { name?: string }).name !== 'RepositoryAlreadyExistsException') throw error;
  }
}

function makeKey(directory: string, name: string): void {
  if (existsSync(join(directory, `${name}.pub`))) return;

  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(
    join(directory, `${name}.key`),
    privateKey.export({ type: 'pkcs8', format: 'pem' }),
    { mode: 0o600 },
  );

  writeFileSync(join(directory, `${name}.pub`), publicKey.export({ type: 'spki', format: 'pem' }));
}
