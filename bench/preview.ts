/**
 * What a preview of `limits.previewEntriesMax` entries costs: the index of what is there now and
 * the file index of each layer are read (from files here, from S3 on the stack), the layers
 * composed, both sides compared and answered.
 *
 *     node bench/preview.ts
 *
 * One process makes the files, another measures: its peak memory is what the API function needs
 * beside its own code.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { limits } from '../shared/base/limits/index.ts';
import {
  compose,
  decodeIndex,
  encodeIndex,
  indexOf,
  previewComposition,
} from '../shared/composition/index.ts';
import type { CompositionLayer } from '../shared/domain/compose/index.ts';
import { makeLayer } from './synthetic-layer.ts';

export const name = 'preview';

/**
 * The API function has 1,024 MB, of which its code and the SDK take under 250, and 29 s on half of
 * a CPU.
 */
const bounds = { rssMiB: 700, ms: 14_000 };
const modules = Math.floor(limits.previewEntriesMax / makeLayer(0).entries.length);
const self = fileURLToPath(import.meta.url);

/** Every module has a new build, so that as much as possible differs. */
function make(directory: string): void {
  const layers = Array.from({ length: modules }, (_, number) => makeLayer(number));
  writeFileSync(join(directory, 'index.gz'), encodeIndex(indexOf(compose(layers))));

  for (const [number, layer] of layers.entries()) {
    const entries = layer.entries.map((entry) => ({ ...entry, mode: entry.mode ^ 0o010 }));
    writeFileSync(join(directory, `${number}.gz`), gzipSync(JSON.stringify({ ...layer, entries })));
  }
}

function measure(directory: string): { ms: number; rssMiB: number; answerBytes: number } {
  const started = performance.now();
  const before = decodeIndex(readFileSync(join(directory, 'index.gz')));
  const layers = Array.from({ length: modules }, (_, number): CompositionLayer => {
    return JSON.parse(gunzipSync(readFileSync(join(directory, `${number}.gz`))).toString('utf8'));
  });
  const bounded = { listMax: limits.previewListMax, listBytesMax: limits.previewListBytesMax };
  const answer = JSON.stringify(previewComposition(before, indexOf(compose(layers)), bounded));
  const ms = Math.round(performance.now() - started);

  return {
    ms,
    rssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    answerBytes: Buffer.byteLength(answer),
  };
}

/** Measures and prints. Throws if a bound is exceeded. */
export function run(): void {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-preview-'));
  try {
    const inOwnProcess = (what: string) =>
      execFileSync(process.execPath, [self, what, directory], { encoding: 'utf8' });
    inOwnProcess('make');

    const cost: ReturnType<typeof measure> = JSON.parse(inOwnProcess('measure'));
    console.table([{ entries: modules * makeLayer(0).entries.length, ...cost }]);

    if (cost.rssMiB > bounds.rssMiB || cost.ms > bounds.ms) {
      throw new Error(
        `expected ${bounds.rssMiB} MiB and ${bounds.ms} ms at most, found ${JSON.stringify(cost)}`,
      );
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] === self) {
  const [what, directory = ''] = process.argv.slice(2);
  if (what === 'make') make(directory);
  else if (what === 'measure') process.stdout.write(JSON.stringify(measure(directory)));
  else run();
}
