import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { GetRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { bundleOptions } from '../../infra/bundle.ts';
import { stackName } from '../../infra/settings.ts';
import {
  type BundleOptions,
  bundle,
  type Fingerprints,
  openFingerprints,
} from '../../scripts/bundler.ts';
import { FunctionDeployer, zip } from '../../scripts/function-deployer.ts';
import { listFunctionResources } from '../../scripts/stack-resources.ts';
import { watchFolders } from '../../scripts/watch-folders.ts';

// Two functions of the test's own: replacing the code of the stack's would disturb other tests.
const lambda = new LambdaClient({});
const names = { first: `first-${process.pid}`, second: `second-${process.pid}` };
let root: string;
let fingerprints: Fingerprints;
let deployer: FunctionDeployer;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'gantry-dev-'));
  await mkdir(join(root, 'functions'));
  await write('shared.ts', "export const word = 'one';");
  await write(
    'first.ts',
    "import { word } from './shared.ts'; export const handler = async () => word;",
  );
  await write('second.ts', "export const handler = async () => 'second';");

  const options: BundleOptions = {
    ...bundleOptions,
    absWorkingDir: root,
    entryPoints: Object.keys(names).map((name) => {
      return { in: `functions/${name}.ts`, out: `${name}/index` };
    }),
    outdir: join(root, 'out'),
    logLevel: 'silent',
  };

  fingerprints = await openFingerprints(options);
  deployer = new FunctionDeployer({
    lambda,
    listNames: async () => names,
    bundle: (changed) => bundle(options, changed),
    recordFile: join(root, 'functions.json'),
  });

  const Role = await findRole();
  const bundles = await bundle(options, Object.keys(names));

  for (const [name, FunctionName] of Object.entries(names)) {
    const ZipFile = await zip(bundles.get(name) ?? new Map());
    await lambda.send(
      new CreateFunctionCommand({
        FunctionName,
        Role,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Code: { ZipFile },
      }),
    );
  }
});

afterAll(async () => {
  await fingerprints.dispose();
  for (const FunctionName of Object.values(names)) {
    await lambda.send(new DeleteFunctionCommand({ FunctionName }));
  }
  await rm(root, { recursive: true, force: true });
});

function write(file: string, text: string): Promise<void> {
  return writeFile(join(root, 'functions', file), text);
}

async function findRole(): Promise<string> {
  const stack = stackName({ environmentName: inject('stack').outputs.DeploymentName });
  const roles = await listFunctionResources(new CloudFormationClient({}), stack, 'Role');
  const { Role } = await new IAMClient({}).send(new GetRoleCommand({ RoleName: roles.sweep }));
  return Role?.Arn ?? '';
}

async function invoke(FunctionName: string): Promise<unknown> {
  const { Payload } = await lambda.send(new InvokeCommand({ FunctionName }));
  return JSON.parse(Buffer.from(Payload ?? []).toString());
}

/** The files and the functions of the next deployment that a change leads to. */
function deployNext(): Promise<{ files: string[]; deployed: string[] }> {
  return new Promise((resolve, reject) => {
    const stop = watchFolders(root, ['functions'], async (files) => {
      stop();
      try {
        resolve({ files, deployed: await deployer.deployChanged(await fingerprints.read()) });
      } catch (error) {
        reject(error);
      }
    });
  });
}

test('npm run dev deploys the functions whose sources change, and no others', async () => {
  expect(await deployer.deployChanged(await fingerprints.read())).toEqual([]);
  expect(await invoke(names.first)).toBe('one');

  const next = deployNext();
  await write('shared.ts', "export const word = 'two';");
  expect(await next).toEqual({ files: ['functions/shared.ts'], deployed: ['first'] });

  expect(await invoke(names.first)).toBe('two');
  expect(await invoke(names.second)).toBe('second');
  expect(await deployer.deployChanged(await fingerprints.read())).toEqual([]);
});

test('a source that does not compile is refused, and its correction is deployed', async () => {
  const broken = deployNext();
  await write('second.ts', 'export const handler = ');
  await expect(broken).rejects.toThrow('Build failed');
  expect(await invoke(names.second)).toBe('second');

  const next = deployNext();
  await write('second.ts', "export const handler = async () => 'corrected';");
  expect(await next).toMatchObject({ deployed: ['second'] });
  expect(await invoke(names.second)).toBe('corrected');
});
