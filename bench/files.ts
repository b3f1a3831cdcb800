import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FileSelectionSpec, selectFiles } from '../shared/files/index.ts';
import { best, isInstalled, measureNode, measurePeer } from './measure.ts';

/** Selecting 100,000 paths by 100 patterns, beside what `rsync -n` takes on the same tree. */
export const name = 'files';

const pathCount = 100_000;
const filesPerDirectory = 100;
const runs = 5;
const self = fileURLToPath(import.meta.url);

/** Paths like those of a Linux userland. */
function makePaths(): string[] {
  const tops = ['/usr/share', '/usr/lib', '/etc', '/var/cache', '/opt/app'];
  const endings = ['.conf', '.so.1', '.so.1.2.3', '.py', '.txt', '.gz', '', '.d'];

  return Array.from({ length: pathCount }, (_, i) => {
    const directory = Math.floor(i / filesPerDirectory);
    const top = tops[directory % tops.length];
    const folder = `package-${directory % 250}/part-${directory}/data`;
    return `${top}/${folder}/some-file-${i % filesPerDirectory}${endings[i % endings.length]}`;
  });
}

/**
 * 70 file_spec and 30 mask, of every kind; none matches all paths, so that many are tried for a
 * path.
 */
function makeSpec(): FileSelectionSpec {
  const file_spec = Array.from({ length: 10 }, (_, i) => [
    `/usr/share/package-${i * 20}/***`,
    `part-${i * 31}/`,
    `*-${i}.conf`,
    `some-file-[${i}-9]?.so.*`,
    `/etc/**/part-${i * 5}/**`,
    `data/some-file-${i}*.py`,
    `/opt/app/package-?${i}/*/data/*.txt`,
  ]).flat();

  const mask = Array.from({ length: 10 }, (_, i) => [
    `/var/cache/package-${i * 7}/`,
    `*-${i}${i}.gz`,
    `**/part-[0-4]${i}?/data/some-file-*.d`,
  ]).flat();

  return { file_spec, mask };
}

/** The whole work of one process: reads the list of paths, selects, and prints the selection. */
function select(list: string): void {
  const paths = readFileSync(list, 'utf8').trimEnd().split('\n');
  process.stdout.write(`${selectFiles(paths, makeSpec()).join('\n')}\n`);
}

/**
 * Measures and prints. Throws if the selections differ, or if rsync is faster than our whole
 * process.
 */
export function run(): void {
  const folder = mkdtempSync(join(tmpdir(), 'bench-files-'));
  try {
    const paths = makePaths();
    const list = join(folder, 'paths');

    writeFileSync(list, `${paths.join('\n')}\n`);
    const ours = best(runs, () => measureNode(process.execPath, [self, list]));
    const selected = ours.stdout.trimEnd().split('\n').sort();
    const rows = [{ what: 'gantry', selected: selected.length, ...times(ours) }];

    if (!isInstalled('rsync')) {
      process.stdout.write('rsync is not installed, so nothing is compared\n');
      console.table(rows);
      return;
    }

    const tree = join(folder, 'tree');
    for (const directory of new Set(paths.map((path) => path.slice(0, path.lastIndexOf('/'))))) {
      mkdirSync(join(tree, directory), { recursive: true });
    }

    for (const path of paths) writeFileSync(join(tree, path), '');
    const { file_spec, mask } = makeSpec();
    const rules = [...mask.map((glob) => `--exclude=${glob}`), '--include=*/'];

    rules.push(...file_spec.map((glob) => `--include=${glob}`), '--exclude=*');
    const peer = best(runs, () =>
      measurePeer('rsync', [
        '-a',
        '-m',
        '-n',
        '--out-format=/%n',
        ...rules,
        `${tree}/`,
        `${tree}-none/`,
      ]),
    );

    const copied = peer.stdout.split('\n').filter((line) => line !== '' && !line.endsWith('/'));
    rows.push({ what: 'rsync -n', selected: copied.length, ...times(peer) });
    console.table(rows);
    if (copied.sort().join('\n') !== selected.join('\n'))
      throw new Error('expected the selection of rsync, found another');
    if (ours.wallMs > peer.wallMs)
      throw new Error(`expected ${peer.wallMs} ms at most, found ${ours.wallMs} ms`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function times({
  wallMs,
  userMs,
  rssMiB,
}: {
  wallMs: number;
  userMs: number | null;
  rssMiB: number | null;
}) {
  return {
    'wall ms': Math.round(wallMs),
    'user ms': userMs === null ? null : Math.round(userMs),
    'peak RSS MiB': rssMiB === null ? null : Math.round(rssMiB),
  };
}

if (process.argv[1] === self) select(process.argv[2] as string);
