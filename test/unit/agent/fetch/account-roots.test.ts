import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAccountRoots } from '../../../../agent/fetch/account-roots.ts';
import { type AgentPaths, agentPaths } from '../../../../agent/paths.ts';
import { director, rootOf } from '../directors.ts';

let paths: AgentPaths;
beforeEach(async () => {
  paths = agentPaths(await mkdtemp(join(tmpdir(), 'gantry-roots-')));
});
afterEach(() => rm(paths.dir, { recursive: true, force: true }));

describe('the earlier account roots of a machine', () => {
  it('are those older than the trusted one, newest first', async () => {
    const by = director();
    await mkdir(paths.earlierRoots, { recursive: true });
    for (const version of [1, 2, 3, 4])
      await writeFile(join(paths.earlierRoots, `${version}.json`), await rootOf(by, version));

    // A crash between the two writes of a rotation leaves the trusted root among them. A newer one
    // was never trusted here.
    await writeFile(paths.root, await rootOf(by, 3));

    const roots = await readAccountRoots(paths);
    expect(roots?.trusted.signed.version).toBe(3);
    expect(roots?.earlier.map(({ signed }) => signed.version)).toEqual([2, 1]);
  });
});
