import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CloudFormationClient,
  DescribeStacksCommand,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { type Outputs, outputsSchema } from '../infra/outputs.ts';
import { parseSettings, stackName } from '../infra/settings.ts';
import { projectRoot } from './local-cloud.ts';
import { run } from './run.ts';

const hashTag = 'gantry:sources';
const bootstrapStack = 'CDKToolkit';

export interface DeployOptions {
  /** Context of infra/settings.ts. */
  settings: Record<string, string>;
  /** The environment of the CDK and the SDK: credentials, region, endpoint. */
  environment: NodeJS.ProcessEnv;
  client: CloudFormationClient;
  /**
   * The directory into which the CDK writes its assembly. Concurrent deployments need different
   * ones.
   */
  assemblyDirectory: string;
  onLine?: (line: string) => void;
  /** Reports progress, one sentence for each step. */
  progress: (sentence: string) => void;
}

/**
 * Deploys the stack, and bootstraps first if necessary. Does nothing if the deployed stack was made
 * from the same sources and settings.
 */
export async function deploy(options: DeployOptions): Promise<Outputs> {
  const name = stackName(parseSettings(options.settings));
  const hash = hashOfSources(options.settings);
  const deployed = await describe(options.client, name);
  if (deployed !== undefined && isComplete(deployed) && tagOf(deployed) === hash)
    return outputsOf(deployed);

  if ((await describe(options.client, bootstrapStack)) === undefined) {
    options.progress('Bootstrapping the CDK');
    await cdk(options, ['bootstrap', ...contextArguments(options.settings)]);
  }

  options.progress(`Deploying the stack ${name}`);
  await cdk(options, [
    'deploy',
    '--require-approval',
    'never',
    '--method',
    'direct',
    '--tags',
    `${hashTag}=${hash}`,
    ...contextArguments(options.settings),
  ]);

  const made = await describe(options.client, name);
  if (made === undefined)
    throw new Error(`the stack ${name} does not exist although its deployment succeeded`);

  return outputsOf(made);
}

function cdk(options: DeployOptions, args: string[]): Promise<string> {
  const quiet = [
    '--no-notices',
    '--no-version-reporting',
    '--no-path-metadata',
    '--progress',
    'events',
    '--ci',
  ];
  return run('cdk', [...args, ...quiet, '--output', options.assemblyDirectory], {
    cwd: projectRoot,
    env: { ...options.environment, CI: 'true', CDK_DISABLE_CLI_TELEMETRY: 'true' },
    ...(options.onLine ? { onLine: options.onLine } : {}),
  });
}

function contextArguments(settings: Record<string, string>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Returns the SHA-256 of everything that a deployment is made from. */
function hashOfSources(settings: Record<string, string>): string {
  const hash = createHash('sha256').update(JSON.stringify(Object.entries(settings).sort()));
  const files = ['cdk.json', 'package-lock.json', 'tsconfig.json'];

  for (const folder of ['infra', 'functions', 'shared']) {
    for (const entry of readdirSync(join(projectRoot, folder), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (entry.isFile()) files.push(join(entry.parentPath, entry.name).slice(projectRoot.length));
    }
  }

  for (const file of files.sort())
    hash.update(`\0${file}\0`).update(readFileSync(join(projectRoot, file)));
  return hash.digest('hex').slice(0, 32);
}

async function describe(client: CloudFormationClient, name: string): Promise<Stack | undefined> {
  try {
    const answer = await client.send(new DescribeStacksCommand({ StackName: name }));
    return answer.Stacks?.[0];
  } catch (error) {
    // CloudFormation has no error type of its own for a stack that does not exist.
    if (error instanceof Error && error.name === 'ValidationError') return undefined;
    throw error;
  }
}

function isComplete(stack: Stack): boolean {
  return stack.StackStatus === 'CREATE_COMPLETE' || stack.StackStatus === 'UPDATE_COMPLETE';
}

function tagOf(stack: Stack): string | undefined {
  return stack.Tags?.find((tag) => tag.Key === hashTag)?.Value;
}

function outputsOf(stack: Stack): Outputs {
  return outputsSchema.parse(
    Object.fromEntries(
      (stack.Outputs ?? []).map((output) => [output.OutputKey, output.OutputValue]),
    ),
  );
}
