import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { useProxiesOf } from '../cli/program.ts';
import { GantryError } from '../shared/base/error.ts';
import { fail, onStopRequest } from './fail.ts';
import { keptAdminToken } from './kept-token.ts';
import { cloudEnvironment, localDirectory } from './local-cloud.ts';
import { type LocalStack, startLocalStack } from './local-stack.ts';
import { failRedis, showRedis, updateRedis } from './machine/acts.ts';
import { bootDebian, isActive, waitForAgent } from './machine/host.ts';
import { type BuiltModule, Modules, platform } from './machine/modules.ts';
import { assign, publish } from './machine/publish.ts';
import { makePackages } from './package/make-packages.ts';
import { run } from './run.ts';
import type { Walk } from './walk/context.ts';
import { describeWalk } from './walk/index.ts';

const account = 'powernode';
const template = 'cache';
const work = join(localDirectory, 'machine');
const startedAt = performance.now();

const say = (line: string) => process.stdout.write(`${line}\n`);
const progress = (sentence: string) => {
  say(`[${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s] ${sentence}`);
};

/**
 * Takes Debian packages of Redis the whole way to machines that boot: built, pushed, signed,
 * ingested, approved and composed, then changed and broken while the machines run.
 */
async function machine(): Promise<void> {
  await requireMachine();
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  // apt's own user reads the packages below it.
  await chmod(work, 0o755);
  process.env.TMPDIR = work;

  progress('Building the packages of the agent, and the modules for Debian 13');
  const debs = join(work, 'debs');
  await makePackages({ out: debs, architectures: ['amd64'], revision: 1 });

  const modules = await Modules.open(work);
  const built = [
    await modules.base(),
    await modules.redis('v1.0.0', 'maxclients 1000'),
    await modules.beacon(),
  ];

  const stack = await startLocalStack({
    directory: work,
    portVariables: { cloud: 'GANTRY_CLOUD_PORT', site: 'GANTRY_PORT' },
    progress,
  });
  onStopRequest(stack.stop);

  try {
    Object.assign(process.env, cloudEnvironment(stack.endpoint));
    const walk = await describe(stack);
    await compose(walk, built);
    await runServices(walk, modules, debs);
  } finally {
    await stack.stop();
  }
  progress('Every step happened');
}

async function describe(stack: LocalStack): Promise<Walk> {
  const token = await keptAdminToken(stack, account, work);
  const context = { stack, account, token, directory: work, say };
  return describeWalk(context, (title) => {
    say('');
    progress(`── ${title}`);
  });
}

async function compose(walk: Walk, built: readonly BuiltModule[]): Promise<void> {
  for (const one of built) await publish(walk, one);
  walk.step(`The modules are composed for ${platform}`);
  await walk.gantry('template', 'create', template, '--platform', platform);
  for (const { name } of built) await assign(walk, template, name);
}

/** The way `services`: a Debian of its own runs the services of the composition. */
async function runServices(walk: Walk, modules: Modules, debs: string): Promise<void> {
  const host = await bootDebian(walk, { work, debs, template });
  try {
    await waitForAgent(host, 'Redis to run', () => isActive(host, host.redis));
    await showRedis(host);
    await updateRedis(host, modules);
    await failRedis(host, modules);
  } finally {
    await host.machine.stop();
  }
}

/** Says why this computer boots no machine. */
async function requireMachine(): Promise<void> {
  if (process.getuid?.() !== 0) {
    const message = 'expected root, which boots machines, found another user';
    throw new GantryError('prerequisite_missing', message);
  }

  for (const [program, name] of [
    ['systemd-nspawn', 'systemd-container'],
    ['mmdebstrap', 'mmdebstrap'],
  ] as const)
    await run(program, ['--version']).catch(() => {
      const message = `expected the program ${program}, found none; install the Debian package ${name}`;
      throw new GantryError('prerequisite_missing', message);
    });
}

await useProxiesOf(process.env);
await machine().catch(fail);
