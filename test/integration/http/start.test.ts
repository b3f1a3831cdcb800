import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { keptAdminToken } from '../../../scripts/kept-token.ts';
import { walk } from '../../../scripts/walk/index.ts';
import { tokenSchema } from '../../../shared/contract/accounts/index.ts';
import { pageOf } from '../../../shared/contract/http/index.ts';
import { runGantry } from '../../support/gantry.ts';
import { policy } from '../../support/operations.ts';
import { World } from '../../support/world.ts';

const tokensAnswer = pageOf('tokens', tokenSchema);
const stack = inject('stack');
let world: World;
let directory: string;

beforeAll(async () => {
  world = await World.create('registry.example');
  directory = await mkdtemp(join(tmpdir(), 'gantry-start-'));
});
afterAll(async () => {
  await world.close();
  await rm(directory, { recursive: true, force: true });
});

async function gantry(...line: string[]) {
  const env = { GANTRY_URL: stack.publicUrl, GANTRY_TOKEN: world.token };
  const { code, stdout, stderr } = await runGantry([...line, '--json'], { env });
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

/** What `npm start` does once the stack is up. */
async function start(): Promise<{ stopped: string | undefined; said: string }> {
  const said: string[] = [];
  const { account, token } = world;
  const say = (line: string) => said.push(line);
  return { stopped: await walk({ stack, account, token, directory, say }), said: said.join('\n') };
}

test('a policy that denies a step stops the walk of npm start, which says so and ends', async () => {
  await gantry('policy', 'set', 'module_promote_to_staging', '--decision', 'deny');

  const { stopped } = await start();
  expect(stopped).toContain('The walk stopped at "An operator promotes it to live');
  expect(stopped).toMatch(/staging/);
  expect(stopped).not.toContain('{');
});

test('the next walk continues with the version of the stopped one', async () => {
  await policy(world, 'module_promote_to_staging', { decision: 'allow' });

  const { stopped, said } = await start();
  expect(stopped).toBeUndefined();
  expect(said).toContain('an earlier walk published my-redis 0.1.0');
  expect(said).toContain('drift: false');
});

test('a further walk adds no versions, artifacts and machines', async () => {
  const read = async () => {
    const { versions, candidates } = await gantry('module', 'versions', 'my-redis');
    const { instances } = await gantry('instance', 'list');
    return [versions, candidates, instances].map(({ length }) => length);
  };

  const before = await read();
  expect(await start()).toMatchObject({ stopped: undefined });
  expect([before, await read()]).toEqual([
    [1, 2, 1],
    [1, 2, 1],
  ]);
});

test('starts share an admin token while it is valid', async () => {
  const account = `${world.account}-kept`;
  const first = await keptAdminToken(stack, account, directory);
  expect(await keptAdminToken(stack, account, directory)).toBe(first);
  expect((await stat(join(directory, 'admin-token'))).mode & 0o777).toBe(0o600);

  const api = `${stack.publicUrl}/api/v1/tokens`;
  const headers = { authorization: `Bearer ${first}` };
  const { tokens } = tokensAnswer.parse(await (await fetch(api, { headers })).json());
  expect(tokens).toHaveLength(1);

  await fetch(`${api}/${tokens[0]?.id}`, { method: 'DELETE', headers });
  expect(await keptAdminToken(stack, account, directory)).not.toBe(first);
});
