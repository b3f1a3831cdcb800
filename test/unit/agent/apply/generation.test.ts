import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { buildGeneration } from '../../../../agent/apply/generation.ts';
import { type AgentPaths, agentPaths } from '../../../../agent/paths.ts';
import { Store } from '../../../../agent/verify/store.ts';
import type { TreeEntry } from '../../../../shared/domain/files/index.ts';

const root: TreeEntry = {
  path: '/',
  type: 'directory',
  mode: 0o755,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  mtime: 0,
  mtime_ns: 0,
  size: 0,
};

let paths: AgentPaths;
let log: string;
beforeEach(async () => {
  paths = agentPaths(await mkdtemp(join(tmpdir(), 'gantry-generation-')));
  log = join(paths.dir, 'sync.log');
  for (const made of [paths.generations, paths.machineData, join(paths.dir, 'bin')])
    await mkdir(made, { recursive: true });

  // A slow disk: before the real sync(1), it waits, and records where `current` points.
  const script = [
    '#!/bin/sh',
    `PATH='${process.env.PATH}'`,
    'sleep 0.3',
    `readlink '${paths.current}' >> '${log}'`,
    `echo synced >> '${log}'`,
    'exec sync "$@"',
  ];
  await writeFile(join(paths.dir, 'bin/sync'), script.join('\n'), { mode: 0o755 });
  vi.stubEnv('PATH', `${join(paths.dir, 'bin')}:${process.env.PATH}`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(paths.dir, { recursive: true, force: true });
});

it('a new generation is on the disk before the machine switches to it', async () => {
  const store = new Store(paths.store);
  await store.prepare();

  const tree = {
    entries: [root],
    shippedData: [],
    contents: new Map(),
    owners: new Map(),
    added: new Set<string>(),
  };
  for (const [at, before] of [
    [1, 'synced\n'],
    [2, 'generations/1\nsynced\n'],
  ] as const) {
    await rm(log, { force: true });
    await buildGeneration({
      paths,
      store,
      tree,
      layout: 'copy',
      image: '',
      writablePaths: [],
      desiredState: Buffer.from('signed'),
    });

    expect(existsSync(log) && readFileSync(log, 'utf8')).toBe(before);
    expect(await readlink(paths.current)).toBe(`generations/${at}`);
  }
});
