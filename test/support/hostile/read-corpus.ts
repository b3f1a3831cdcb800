import { readModuleTar } from '../../../shared/artifact/index.ts';
import { isGantryError } from '../../../shared/base/error.ts';
import { composefsImage } from '../../../shared/composefs/index.ts';
import { parseManifestJson } from '../../../shared/manifest/index.ts';
import { rawModuleTar } from '../tar-archive.ts';
import { bombs } from './bombs.ts';
import { hostileArchives, hostileEncodings } from './encodings.ts';
import { legalMembers } from './legal.ts';
import { hostileManifests } from './manifests.ts';
import { hostileMembers } from './tree-members.ts';

/** What became of one piece of the corpus, and what it cost. */
export interface Outcome {
  what: string;
  expected: string;
  found: string;
  /** The size of the refusal with all its details. */
  textLength: number;
  ms: number;
  /** Of the whole process, from its start until here, at its largest. */
  rssMiB: number;
}

/** The corpus: what there is to read, and the code that must come of it. */
type Piece = [what: string, expected: string, read: () => unknown];

const tar = (chunks: () => Iterable<Uint8Array>) => async () => {
  const source = (async function* () {
    yield* chunks();
  })();
  const { entries } = await readModuleTar(source, { allowDevices: false });
  composefsImage(entries);
};

export const corpus: Piece[] = [
  ...[...hostileMembers, ...hostileEncodings].map(
    ([what, code, members]): Piece => [what, code, tar(() => [rawModuleTar(members)])],
  ),
  ...hostileArchives.map(([what, code, bytes]): Piece => [what, code, tar(() => [bytes])]),
  ...legalMembers.map(
    ([what, members]): Piece => [what, 'accepted', tar(() => [rawModuleTar(members)])],
  ),
  ...hostileManifests.map(
    ([what, code, text]): Piece => [`a manifest of ${what}`, code, () => parseManifestJson(text)],
  ),
  ...bombs.map(([what, code, chunks]): Piece => [what, code, tar(chunks)]),
];

async function judge([what, expected, read]: Piece): Promise<Outcome> {
  const started = performance.now();
  let found = 'accepted';
  let text = '';

  try {
    await read();
  } catch (error) {
    found = isGantryError(error) ? error.code : String(error);
    text = isGantryError(error) ? error.message + JSON.stringify(error.found ?? '') : '';
  }

  const ms = Math.round(performance.now() - started);
  const rssMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  return { what, expected, found, textLength: text.length, ms, rssMiB };
}

// A process of its own, so that what it takes can be measured: prints one outcome a line.
if (import.meta.main) {
  for (const piece of corpus) process.stdout.write(`${JSON.stringify(await judge(piece))}\n`);
}
