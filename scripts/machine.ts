import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { useProxiesOf } from '../cli/program.ts';
import { GantryError } from '../shared/base/error.ts';
import { fail, onStopRequest } from './fail.ts';
import { keptAdminToken } from './kept-token.ts';
import { cloudEnvironment, localDirectory } from './local-cloud.ts';
import { type LocalStack, startLocalStack } from './local-stack.ts';
import { failRedis, showRedis, undoRedis, updateRedis } from './machine/acts.ts';
import { bootComposition, unmountBelow } from './machine/composed-host.ts';
import { bootDebian } from './machine/debian-host.ts';
import { isActive, waitForAgent } from './machine/host.ts';
import { Modules, maxClients, platform } from './machine/modules.ts';
import { assign, goLive, ingest } from './machine/publish.ts';
import { makePackages } from './package/make-packages.ts';
import { run } from './run.ts';
import type { Walk } from './walk/context.ts';
import { describeWalk } from './walk/index.ts';

const account = 'powernode';
const template = 'cache';
const work = join(localDirectory, 'machine');
const debs = join(work, 'debs');
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
  // A run that was cut off left its machine's disk mounted.
  await unmountBelow(work);
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  // apt's own user reads the packages below it.
  await chmod(work, 0o755);
  process.env.TMPDIR = work;

  progress('Building the packages of the agent, and the modules for Debian 13');
  const built = await startBuilds();

  const stack = await startLocalStack({
    directory: work,
    portVariables: { cloud: 'GANTRY_CLOUD_PORT', site: 'GANTRY_PORT' },
    progress,
  });
  onStopRequest(stack.stop);

  try {
    Object.assign(process.env, cloudEnvironment(stack.endpoint));
    const walk = await describe(stack);
    await compose(walk, built.first);
    await runRoot(walk, built);
    await runServices(walk);
  } finally {
    await stack.stop();
  }
  progress('Every step happened');
}

type Builds = Awaited<ReturnType<typeof startBuilds>>;

/** Builds go on while the local cloud starts and machines run, which wait most of the time. */
async function startBuilds() {
  const packages = makePackages({ out: debs, architectures: ['amd64'], revision: 1 }).then(
    (names) => names.filter((name) => name.endsWith('.deb')).map((name) => join(debs, name)),
  );
  packages.catch(() => undefined);

  const modules = await Modules.open(work);
  return {
    first: [
      modules.base(),
      modules.redis('v1.0.0', 'maxclients 1000'),
      modules.beacon(),
      modules.agent(packages),
    ],
    better: modules.redis('v1.0.1', `maxclients ${maxClients}`),
    broken: modules.redis('v1.0.2', 'no-such-directive yes'),
  };
}

async function describe(stack: LocalStack): Promise<Walk> {
  const token = await keptAdminToken(stack, account, work);
  const context = { stack, account, token, directory: work, say };
  return describeWalk(context, (title) => {
    say('');
    progress(`── ${title}`);
  });
}

async function compose(walk: Walk, builds: Builds['first']): Promise<void> {
  walk.step('The modules are pushed, signed and ingested');
  const ingested = await Promise.all(builds.map(async (built) => ingest(walk, await built)));
  for (const one of ingested) await goLive(walk, one);

  walk.step(`The modules are composed for ${platform}`);
  await walk.gantry('template', 'create', template, '--platform', platform);
  for (const { module } of ingested) await assign(walk, template, module);
}

/** The way `root`: a machine boots from the composition, takes a change, and leaves a bad one. */
async function runRoot(walk: Walk, { better, broken }: Builds): Promise<void> {
  try {
    const host = await bootComposition(walk, { work, template });
    try {
      await waitForAgent(host, 'Redis to run', () => isActive(host, host.redis));
      await showRedis(host);
      await updateRedis(host, await better);
      await failRedis(host, await broken);
    } finally {
      await host.machine.stop();
    }
  } finally {
    await unmountBelow(work);
  }
}

/** The way `services`: a Debian of its own runs the services of the composition. */
async function runServices(walk: Walk): Promise<void> {
  await undoRedis(walk);
  const host = await bootDebian(walk, { work, debs, template });
  try {
    await waitForAgent(host, 'Redis to run', () => isActive(host, host.redis));
    await showRedis(host);
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
