import { expect, type Walk } from '../walk/context.ts';
import { expectNoDrift, type Host, isActive, processOf, waitForAgent } from './host.ts';
import { type BuiltModule, maxClients } from './modules.ts';
import { publish, undo } from './publish.ts';

/** Redis is active and says PONG, as the last lines of the walkthrough have it. */
export async function showRedis(host: Host): Promise<void> {
  const { walk, machine, redis } = host;
  const active = await machine.run('systemctl', 'is-active', redis);
  walk.saw(`systemctl is-active ${redis}: ${active}`);
  walk.saw(`redis-cli ping: ${await ping(host)}`);
  await expectNoDrift(host);
}

/** A new version of Redis goes live. It restarts, and nothing else does. */
export async function updateRedis(host: Host, better: BuiltModule): Promise<void> {
  const { walk, redis, other } = host;
  const before = { redis: await processOf(host, redis), other: await processOf(host, other) };
  await publish(walk, better);

  walk.step('The machine takes the new version');
  await waitForAgent(host, 'Redis with its new configuration', async () => {
    const changed = await isActive(host, redis);
    return changed && (await processOf(host, redis)) !== before.redis && (await hasClients(host));
  });

  expect((await processOf(host, other)) === before.other, `${other} to run on, found a restart`);
  walk.saw(`${redis} has restarted, and ${other} has the same process as before`);
  await showRedis(host);
}

/** A version whose service does not come up goes back by itself. */
export async function failRedis(host: Host, broken: BuiltModule): Promise<void> {
  const { walk, redis } = host;
  await publish(walk, broken);

  walk.step('The machine goes back from a version whose service does not start');
  await waitForAgent(host, 'a report that it went back', async () => {
    const shown = await walk.gantry('instance', 'show', host.instance);
    return JSON.stringify(shown.answer).includes('rolled_back');
  });
  await waitForAgent(host, 'Redis of the version before', () => isActive(host, redis));
  expect(await hasClients(host), 'the configuration of the version before');
  walk.saw(`redis-cli ping: ${await ping(host)}`);
}

/** The operator takes back the version that did not start. */
export async function undoRedis(walk: Walk): Promise<void> {
  walk.step('The operator takes the version back that did not start');
  await undo(walk, 'my-redis');
}

/** The program is in the running root, whatever way the machine has. */
async function redisCli({ machine }: Host, ...args: string[]): Promise<string> {
  const inRoot = await machine.try('redis-cli', ...args);
  if (inRoot.code === 0) return inRoot.stdout.trim();
  return machine.run('chroot', '/var/lib/gantry/current', 'redis-cli', ...args);
}

async function ping(host: Host): Promise<string> {
  const said = await redisCli(host, 'ping');
  expect(said === 'PONG', `PONG, found ${said}`);
  return said;
}

async function hasClients(host: Host): Promise<boolean> {
  const said = await redisCli(host, 'config', 'get', 'maxclients').catch(() => '');
  return said.includes(maxClients);
}
