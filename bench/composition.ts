/**
 * What composing costs: 100 modules of 1,000 files each into one image, with each added module's share; and resolving
 * 1,000 modules of 20 versions.
 *
 *     node bench/composition.ts
 *
 * Each measurement is a process of its own, so that its peak memory is its own. Layers are made before the clock starts,
 * their memory counts.
 */
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { composefsImage } from '../shared/composefs/index.ts';
import { compose, indexOf, resolve, type VersionChoice } from '../shared/composition/index.ts';
import type { CompositionLayer } from '../shared/domain/composition.ts';
import type { EntryType, TreeEntry } from '../shared/domain/tree.ts';

export const name = 'composition';

/** Issue 4, points 4 and 5. */
const bounds = { composeMs: 1500, composeMiB: 512, resolveMs: 200 };
const moduleCounts = [1, 25, 50, 75, 100];
const filesPerModule = 1000;
const runs = 3;
const self = fileURLToPath(import.meta.url);

/** A module with a folder of its own, files that neighbours have too, and protection. */
function makeLayer(number: number): CompositionLayer {
  const module = `module-${number}`;
  const entries: TreeEntry[] = [];
  const add = (path: string, type: EntryType, size = 0) =>
    entries.push({
      path,
      type,
      mode: type === 'directory' ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      mtime: 1_700_000_000,
      mtime_ns: 0,
      size,
      ...(size > 0 ? { verity: hash('sha256', `${module}${path}`), offset: entries.length * 2048 } : {}),
    });
  for (const path of ['/', '/etc', '/usr', '/usr/share', `/usr/share/${module}`]) add(path, 'directory');
  add(`/etc/${module}.conf`, 'file', 400);
  for (let i = 0; i < 49; i++) add(`/etc/shared-${i}.conf`, 'file', 400);
  for (let i = 0; i < filesPerModule - 50; i++) {
    if (i % 50 === 0) add(`/usr/share/${module}/part-${i / 50}`, 'directory');
    add(`/usr/share/${module}/part-${Math.floor(i / 50)}/some-file-${i}.txt`, 'file', 1000 + i);
  }
  const digest = `sha256:${hash('sha256', module)}`;
  return {
    account: 'acme',
    module,
    version: '1.0.0',
    version_id: digest,
    digest,
    manifest_digest: digest,
    layer_digest: digest,
    layer_size: 1,
    composefs_digest: digest,
    variety: 'subscription',
    parent_module: null,
    priority: 10 + (number % 90),
    protected_spec: [`/etc/${module}.conf`, `/usr/share/${module}/part-1/***`],
    file_spec: ['/**'],
    mask: [],
    entries,
  };
}

interface ComposeCost {
  composeMs: number;
  imageMs: number;
  indexMs: number;
  rssMiB: number;
}

function measureCompose(modules: number): ComposeCost {
  const layers = Array.from({ length: modules }, (_, number) => makeLayer(number));
  const started = performance.now();
  const composition = compose(layers);
  const composed = performance.now();
  composefsImage(composition.entries);
  const imaged = performance.now();
  const rssMiB = process.resourceUsage().maxRSS / 1024;
  indexOf(composition);
  const indexMs = performance.now() - imaged;
  return { composeMs: composed - started, imageMs: imaged - composed, indexMs, rssMiB };
}

/** Every version of every module requires four others, versions near its own. */
function measureResolve(): { ms: number; modules: number } {
  const [modules, versions] = [1000, 20];
  const at = (number: number) => `acme/module-${number}`;
  const choices = new Map<string, (VersionChoice & { number: number; version: number })[]>();
  for (let number = 0; number < modules; number++) {
    const list = Array.from({ length: versions }, (_, i) => {
      const version = versions - i;
      return {
        id: `${number}-${version}`,
        version_string: `${version}.0.0`,
        standing: 'offered' as const,
        number,
        version,
      };
    });
    choices.set(at(number), list);
  }
  const started = performance.now();
  const { modules: resolved } = resolve({
    account: 'acme',
    assigned: Array.from({ length: 20 }, (_, number) => ({ module: at(number), constraint: null })),
    available: (module) => choices.get(module) ?? null,
    requires: ({ number, version }) =>
      [1, 7, 19, 20]
        .filter((step) => number + step < modules)
        .map((step) => ({ module: at(number + step), constraint: `>=${Math.max(1, version - 3)} <${version + 1}` })),
  });
  return { ms: performance.now() - started, modules: resolved.length };
}

function inOwnProcess<T>(...what: string[]): T {
  const child = spawnSync(process.execPath, [self, ...what], { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout);
}

/** Measures all and prints it; throws where a bound is passed. */
export function run(): void {
  let before = 0;
  const rows = moduleCounts.map((modules, i) => {
    const results = Array.from({ length: runs }, () => inOwnProcess<ComposeCost>('compose', String(modules)));
    const best = results.reduce((a, b) => (a.composeMs + a.imageMs <= b.composeMs + b.imageMs ? a : b));
    const ms = best.composeMs + best.imageMs;
    const added = (ms - before) / (modules - (moduleCounts[i - 1] ?? 0));
    before = ms;
    return {
      modules,
      'compose ms': Math.round(best.composeMs),
      'image ms': Math.round(best.imageMs),
      'both ms': Math.round(ms),
      'ms an added module': Number(added.toFixed(1)),
      'index ms': Math.round(best.indexMs),
      'peak RSS MiB': Math.round(Math.max(...results.map(({ rssMiB }) => rssMiB))),
    };
  });
  console.table(rows);
  const resolved = Array.from({ length: runs }, () => inOwnProcess<{ ms: number; modules: number }>('resolve'));
  const resolveMs = Math.round(Math.min(...resolved.map(({ ms }) => ms)));
  console.table([{ 'modules resolved': resolved[0]?.modules, 'versions each': 20, ms: resolveMs }]);
  const last = rows.at(-1);
  if (last === undefined || last['both ms'] > bounds.composeMs || last['peak RSS MiB'] > bounds.composeMiB) {
    throw new Error(
      `expected ${bounds.composeMs} ms and ${bounds.composeMiB} MiB at most, found ${JSON.stringify(last)}`,
    );
  }
  if (resolveMs > bounds.resolveMs) throw new Error(`expected ${bounds.resolveMs} ms at most, found ${resolveMs} ms`);
}

if (process.argv[1] === self) {
  const [what, count] = process.argv.slice(2);
  if (what === 'compose') process.stdout.write(JSON.stringify(measureCompose(Number(count))));
  else if (what === 'resolve') process.stdout.write(JSON.stringify(measureResolve()));
  else run();
}
