import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr';
import { type Gantry, moduleName, runGantry, type Walk, type WalkContext } from './context.ts';
import { promote } from './promote.ts';
import { publishAndIngest } from './publish.ts';
import { composeAndReconcile } from './reconcile.ts';
import { refuse } from './refuse.ts';

/**
 * Takes my-redis of the walkthrough from a folder on disk to a machine. Every step is a command of
 * the CLI or a mail, and throws if it did not happen. Each walk publishes the next version, so it
 * can be repeated.
 */
export async function walk(context: WalkContext): Promise<void> {
  const walk = await prepare(context);
  const published = await publishAndIngest(walk);

  await promote(walk, published);
  await composeAndReconcile(walk, published);
  await refuse(walk);
  walk.context.say('');
}

async function prepare(context: WalkContext): Promise<Walk> {
  const directory = join(context.directory, 'walk');
  mkdirSync(directory, { recursive: true });

  const registry = context.stack.endpoint.replace('http://', '');
  const repository = `${registry}/${context.account}/${moduleName}`;
  const gantry: Gantry = (...args) => runGantry(context, args);
  const { say } = context;

  const walk: Walk = {
    context,
    gantry,
    directory,
    repository,
    step: (title) => say(`\n── ${title}`),
    saw: (line) => say(`   ${line}`),
  };

  await createRepository(context.stack.endpoint, `${context.account}/${moduleName}`);
  for (const name of ['author', 'stranger']) makeKey(directory, name);
  return walk;
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
