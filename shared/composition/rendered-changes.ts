import type {
  Composition,
  LayerName,
  RenderedChange,
  RenderMetadata,
} from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { lineDiff } from './line-diff.ts';
import { placeholdersOf, renderFile, textOf } from './render.ts';

/** The sources of the rendered files of one machine. */
export interface Rendering {
  files: Composition['instance_files'];
  /** The bytes of a file as its module ships them. */
  contents: (module: LayerName, path: string) => Uint8Array;
  metadata: RenderMetadata;
}

/**
 * Returns the rendered files that differ on one machine, by path. Placeholders of keys that the
 * metadata lacks stay as written, because `renderInstanceFiles` decides whether that is an error.
 * `diffLinesMax` limits the lines of all diffs.
 */
export function compareRendered(
  before: Rendering,
  after: Rendering,
  { diffLinesMax }: { diffLinesMax: number },
): RenderedChange[] {
  const [old, fresh] = [renderPath(before), renderPath(after)];
  const paths = [...new Set([...old.keys(), ...fresh.keys()])].sort(compareBytes);
  const isChangedKey = (key: string) => before.metadata[key] !== after.metadata[key];

  let linesLeft = diffLinesMax;
  return paths.flatMap((path) => {
    const pair = { was: old.get(path), is: fresh.get(path) };
    if (isSame(pair)) return [];

    const diff = linesLeft > 0 ? diffContents(pair.was?.bytes, pair.is?.bytes, linesLeft) : null;
    linesLeft -= diff?.lines.length ?? 0;

    return [
      {
        path,
        ...describePair(pair, isChangedKey),
        diff: diff?.lines ?? null,
        more_lines: diff?.more ?? 0,
      },
    ];
  });
}

/** One path's file before and after; at least one of them exists. */
interface Pair {
  was: Rendered | undefined;
  is: Rendered | undefined;
}

function isSame({ was, is }: Pair): boolean {
  return was !== undefined && is !== undefined && isEqual(was.bytes, is.bytes);
}

function describePair(
  { was, is }: Pair,
  isChangedKey: (key: string) => boolean,
): Pick<RenderedChange, 'what' | 'module' | 'keys'> {
  const keys = new Set([...(was?.keys ?? []), ...(is?.keys ?? [])]);
  return {
    what: was === undefined ? 'added' : is === undefined ? 'removed' : 'changed',
    module: ((is ?? was) as Rendered).module,
    keys: [...keys].filter(isChangedKey).sort(compareBytes),
  };
}

interface Rendered {
  module: LayerName;
  keys: string[];
  bytes: Uint8Array;
}

function renderPath({ files, contents, metadata }: Rendering): Map<string, Rendered> {
  return new Map(
    files.map(({ module, entry }) => {
      const source = contents(module, entry.path);
      return [
        entry.path,
        { module, keys: placeholdersOf(source), bytes: renderFile(source, metadata) },
      ];
    }),
  );
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function diffContents(
  before: Uint8Array | undefined,
  after: Uint8Array | undefined,
  linesMax: number,
) {
  const [old, fresh] = [textOf(before ?? new Uint8Array()), textOf(after ?? new Uint8Array())];
  return old === null || fresh === null ? null : lineDiff(old, fresh, linesMax);
}
