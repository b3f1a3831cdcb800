/**
 * What composing costs: 100 modules of 1,000 files each into one image, with each added module's
 * share; and resolving 1,000 modules of 20 versions.
 *
 *     node bench/composition.ts
 *
 * Each measurement is a process of its own, which does what the compose function does once it has
 * read what lies in S3: file indexes are unpacked, parsed and compared with their composefs
 * digests, composed with the generated layer on top, in which each module has a service, and
 * written as an image and as the index of all paths. Its peak memory is that of all of it.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { decodeFileIndex } from '../shared/artifact/index.ts';
import { mapConcurrently } from '../shared/base/concurrency.ts';
import { limits } from '../shared/base/limits/index.ts';
import { composefsImage } from '../shared/composefs/index.ts';
import {
  compose,
  encodeIndex,
  indexOf,
  resolve,
  type VersionChoice,
  withGenerated,
} from '../shared/composition/index.ts';
import type { Composition, CompositionLayer } from '../shared/domain/compose/index.ts';
import {
  type GeneratedLayer,
  generateLayer,
  type MachineManifest,
  unitLayers,
} from '../shared/units/index.ts';
import { makeLayer } from './synthetic-layer.ts';

export const name = 'composition';

const bounds = { composeMs: 1500, composeMiB: 512, resolveMs: 200 };
const moduleCounts = [1, 25, 50, 75, 100];
const runs = 3;
const self = fileURLToPath(import.meta.url);

interface ComposeCost {
  readMs: number;
  composeMs: number;
  generateMs: number;
  imageMs: number;
  indexMs: number;
  rssMiB: number;
}

/** A layer without its entries, and the entries in the form that S3 stores. */
type StoredLayer = Omit<CompositionLayer, 'entries'> & { fileIndex: Buffer };

function storedLayer(number: number): StoredLayer {
  const { entries, ...layer } = makeLayer(number);
  const composefs_digest = `sha256:${composefsImage(entries).digest}`;
  return {
    ...layer,
    composefs_digest,
    fileIndex: gzipSync(JSON.stringify({ format: 1, entries })),
  };
}

async function measureCompose(modules: number): Promise<ComposeCost> {
  const stored = Array.from({ length: modules }, (_, number) => storedLayer(number));
  const started = performance.now();

  const layers = await mapConcurrently(
    stored,
    limits.storeReadsAtOnce,
    async ({ fileIndex, ...layer }) => {
      const { entries } = await decodeFileIndex(fileIndex);
      if (`sha256:${composefsImage(entries).digest}` !== layer.composefs_digest)
        throw new Error('expected its own tree');
      return { ...layer, entries };
    },
  );

  const read = performance.now();
  const merged = compose(layers);
  const composed = performance.now();

  const composition = withGenerated(merged, generateServices(merged));
  const generated = performance.now();

  composefsImage(composition.entries);
  const imaged = performance.now();

  encodeIndex(indexOf(composition));
  return {
    readMs: read - started,
    composeMs: composed - read,
    generateMs: generated - composed,
    imageMs: imaged - generated,
    indexMs: performance.now() - imaged,
    rssMiB: process.resourceUsage().maxRSS / 1024,
  };
}

/** The generated layer of modules with a service each; nothing of their files is read for it. */
function generateServices(merged: Composition): GeneratedLayer {
  const manifests = new Map(
    merged.layers.map(({ module }) => [`acme/${module}`, manifestOf(module)] as const),
  );
  const layers = unitLayers(merged, manifests);
  const input = { account: 'acme', layers, entries: merged.entries };
  return generateLayer(input, () => new Uint8Array());
}

function manifestOf(module: string): MachineManifest {
  return {
    dependencies: { requires: [], provides: [] },
    file_spec: [],
    services: [{ name: 'api', start_command: `/usr/share/${module}/part-0/some-file-0.txt` }],
  };
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
        .map((step) => ({
          module: at(number + step),
          constraint: `>=${Math.max(1, version - 3)} <${version + 1}`,
        })),
  });

  return { ms: performance.now() - started, modules: resolved.length };
}

function inOwnProcess<T>(...what: string[]): T {
  const child = spawnSync(process.execPath, [self, ...what], { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout);
}

/** Measures and prints all. Throws if a bound is exceeded. */
export function run(): void {
  let before = 0;
  const rows = moduleCounts.map((modules, i) => {
    const results = Array.from({ length: runs }, () =>
      inOwnProcess<ComposeCost>('compose', String(modules)),
    );
    const total = (cost: ComposeCost) =>
      cost.readMs + cost.composeMs + cost.generateMs + cost.imageMs + cost.indexMs;
    const best = results.reduce((a, b) => (total(a) <= total(b) ? a : b));
    const added = (total(best) - before) / (modules - (moduleCounts[i - 1] ?? 0));

    before = total(best);
    return {
      modules,
      'read ms': Math.round(best.readMs),
      'compose ms': Math.round(best.composeMs),
      'generate ms': Math.round(best.generateMs),
      'image ms': Math.round(best.imageMs),
      'index ms': Math.round(best.indexMs),
      'all ms': Math.round(total(best)),
      'ms an added module': Number(added.toFixed(1)),
      'peak RSS MiB': Math.round(Math.max(...results.map(({ rssMiB }) => rssMiB))),
    };
  });

  console.table(rows);
  const resolved = Array.from({ length: runs }, () =>
    inOwnProcess<{ ms: number; modules: number }>('resolve'),
  );
  const resolveMs = Math.round(Math.min(...resolved.map(({ ms }) => ms)));

  console.table([{ 'modules resolved': resolved[0]?.modules, 'versions each': 20, ms: resolveMs }]);
  const last = rows.at(-1);

  if (
    last === undefined ||
    last['all ms'] > bounds.composeMs ||
    last['peak RSS MiB'] > bounds.composeMiB
  ) {
    throw new Error(
      `expected ${bounds.composeMs} ms and ${bounds.composeMiB} MiB at most, found ${JSON.stringify(last)}`,
    );
  }

  if (resolveMs > bounds.resolveMs)
    throw new Error(`expected ${bounds.resolveMs} ms at most, found ${resolveMs} ms`);
}

if (process.argv[1] === self) {
  const [what, count] = process.argv.slice(2);
  if (what === 'compose') process.stdout.write(JSON.stringify(await measureCompose(Number(count))));
  else if (what === 'resolve') process.stdout.write(JSON.stringify(measureResolve()));
  else run();
}
