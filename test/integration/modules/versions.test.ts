import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { versionsAnswer } from '../../../shared/contract/modules/index.ts';
import { createVersion } from '../../../shared/store/modules/index.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { storedVersion } from '../../support/stored.ts';
import { authorKey, World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
const gantryProgram = new URL('../../../bin/gantry', import.meta.url).pathname;
/** 230 versions, two of each minute, newest first. */
const names = Array.from({ length: 230 }, (_, i) => `1.0.${229 - i}`);
let world: World;

beforeAll(async () => {
  world = await World.create('registry.example');
  await world.register('often', authorKey());

  const writes = names.map((version, i) => {
    const ingested_at = new Date(Date.UTC(2026, 0, 1, 12, -Math.floor(i / 2))).toISOString();
    return createVersion(storedVersion(world.account, 'often', version, { ingested_at }));
  });
  for (let i = 0; i < writes.length; i += 50)
    await transact(world.services.db, writes.slice(i, i + 50));
});
afterAll(() => world.close());

async function page(limit: number, cursor: string | null) {
  const query = new URLSearchParams({
    limit: String(limit),
    ...(cursor === null ? {} : { cursor }),
  });
  const headers = { authorization: `Bearer ${world.token}` };
  const response = await fetch(`${publicUrl}/api/v1/modules/often/versions?${query}`, { headers });

  return versionsAnswer.parse(await response.json());
}

function gantry(...line: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, GANTRY_URL: publicUrl, GANTRY_TOKEN: world.token, NO_COLOR: '1' };
  return promisify(execFile)(gantryProgram, line, { env }).then(
    (out) => ({ code: 0, ...out }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

it('versions come in pages, newest first, each once', async () => {
  const sizes: number[] = [];
  const seen: string[] = [];
  const times: string[] = [];
  let cursor: string | null = null;

  do {
    const { versions, next_cursor } = await page(99, cursor);
    sizes.push(versions.length);
    seen.push(...versions.map(({ version_string }) => version_string));
    times.push(...versions.map(({ ingested_at }) => ingested_at));
    cursor = next_cursor;
  } while (cursor !== null);

  expect(sizes).toEqual([99, 99, 32]);
  expect(seen.toSorted()).toEqual(names.toSorted());
  expect(times).toEqual(times.toSorted().reverse());
});

it('gantry module versions has all of them, without their ids, which --json has', async () => {
  const text = await gantry('module', 'versions', 'often');
  expect(text.stdout.split('\n')[0]).toBe(
    'VERSION  STATE    KIND  DIGEST               TAGS      INGESTED',
  );
  expect(text.stdout.trim().split('\n')).toHaveLength(231);
  expect(text.stdout).not.toContain('ver_');

  const { versions } = JSON.parse((await gantry('module', 'versions', 'often', '--json')).stdout);
  expect(versions).toHaveLength(230);
  expect(versions[0].id).toMatch(/^ver_/);
});

it('a version is found on the last page too; the error for a missing one names some', async () => {
  const { code, stderr } = await gantry('module', 'promote', 'often@9.9.9', '--to', 'staging');
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/^gantry: expected a version 9\.9\.9 of often, found 1\.0\./),
  ]);
  expect(stderr).toContain('and 222 more (not_found)');

  // It is in staging already, so it was found.
  const oldest = await gantry('module', 'promote', 'often@1.0.0', '--to', 'staging');
  expect(oldest.stderr).toContain('(promotion_state_invalid)');
});
