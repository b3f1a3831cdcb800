import { hash } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { best, type Cost, isInstalled, measureNode, measurePeer } from './measure.ts';

/**
 * `gantry composefs image --from-file` and `gantry composefs dump` on generated dumps, measured as
 * whole processes, beside mkcomposefs if it is installed. The cost of an entry must not grow with
 * their number.
 */
export const name = 'composefs';

const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const sizes = [1_000, 10_000, 64_000, 250_000, 1_000_000];
/** From this number on, the cost of starting a process no longer hides the cost of an entry. */
const linearFrom = 64_000;
/**
 * An entry among a million may cost this much more than one among 64,000: caches of the processor
 * are of one size.
 */
const growthMax = 1.5;
/** Twice what mkcomposefs takes for 64,000 entries on two cores. */
const bounds = { entries: 64_000, userMs: 600, rssMiB: 250 };

/**
 * A dump like that of a Linux userland: 100 files a directory, most of them in the store, all with
 * an SELinux label.
 */
function writeDump(path: string, entries: number): void {
  const label = 'security.selinux=system_u:object_r:usr_t:s0\\x00';
  let lines: string[] = [];
  let count = 0;

  const add = (file: string, size: number, mode: string, rest: string) => {
    lines.push(
      `${file} ${size} ${mode} 1 0 0 0 ${1_700_000_000 + (count % 1000)}.${count} ${rest} ${label}\n`,
    );
    count++;
    if (lines.length < 10_000 && count < entries) return;

    appendFileSync(path, lines.join(''));
    lines = [];
  };

  writeFileSync(path, '');
  add('/', 4096, '40755', '- - -');

  for (let directory = 0; count < entries; directory++) {
    const folder = `/directory-${directory}`;
    add(folder, 4096, '40755', '- - -');

    for (let file = 0; file < 99 && count < entries; file++) {
      const member = `${folder}/some-file-${file}.conf`;
      const digest = hash('sha256', member);
      if (file % 10 === 0) add(member, 10, '120777', '../target - -');
      else
        add(member, 1000 + file, '100644', `${digest.slice(0, 2)}/${digest.slice(2)} - ${digest}`);
    }
  }
}

interface Row {
  entries: number;
  image: Cost;
  dump: Cost;
  peer: Cost | null;
  imageMiB: number;
}

/**
 * Measures and prints. Throws if costs grow faster than entries, or if 64,000 entries cost too
 * much.
 */
export function run(): void {
  const folder = mkdtempSync(join(tmpdir(), 'bench-composefs-'));
  try {
    const rows = sizes.map((entries) => measureSize(folder, entries));
    console.table(rows.map(shownRow));
    if (rows[0]?.peer === null)
      process.stdout.write('mkcomposefs is not installed, so nothing is compared\n');
    const problems = rows.flatMap((row) =>
      problemsOf(row, rows.find(({ entries }) => entries === linearFrom) as Row),
    );
    if (problems.length > 0) throw new Error(problems.join('; '));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measureSize(folder: string, entries: number): Row {
  const [dump, image, peerImage] = [
    join(folder, 'dump'),
    join(folder, 'image'),
    join(folder, 'peer'),
  ];

  writeDump(dump, entries);
  const runs = entries > 100_000 ? 2 : 5;
  const imaging = best(runs, () =>
    measureNode(process.execPath, [main, 'composefs', 'image', '--from-file', dump, image]),
  );

  return {
    entries,
    image: imaging,
    dump: best(runs, () =>
      measureNode('sh', [
        '-c',
        'exec "$@" > /dev/null',
        'sh',
        process.execPath,
        main,
        ...dumpOf(image),
      ]),
    ),
    peer: isInstalled('mkcomposefs')
      ? best(runs, () => measurePeer('mkcomposefs', ['--from-file', dump, peerImage]))
      : null,
    imageMiB: statSync(image).size / 2 ** 20,
  };
}

const dumpOf = (image: string) => ['composefs', 'dump', image];

function shownRow({ entries, image, dump, peer, imageMiB }: Row) {
  return {
    entries,
    'image MiB': Number(imageMiB.toFixed(1)),
    'image ms': Math.round(image.wallMs),
    'user ms': Math.round(image.userMs ?? 0),
    'µs an entry': Number((((image.userMs ?? 0) * 1000) / entries).toFixed(1)),
    'RSS MiB': Math.round(image.rssMiB ?? 0),
    'dump ms': Math.round(dump.wallMs),
    'dump RSS MiB': Math.round(dump.rssMiB ?? 0),
    'mkcomposefs ms': peer === null ? null : Math.round(peer.wallMs),
  };
}

function problemsOf(row: Row, reference: Row): string[] {
  const problems: string[] = [];
  const check = (what: string, found: number, most: number) => {
    if (found > most)
      problems.push(`expected ${what} of at most ${Math.round(most)}, found ${Math.round(found)}`);
  };

  if (row.entries === bounds.entries) {
    check(`user ms for ${row.entries} entries`, row.image.userMs ?? 0, bounds.userMs);
    check(`MiB for ${row.entries} entries`, row.image.rssMiB ?? 0, bounds.rssMiB);
  }

  if (row.entries > reference.entries) {
    const most = (row.entries / reference.entries) * growthMax;
    check(
      `user ms for ${row.entries} entries`,
      row.image.userMs ?? 0,
      (reference.image.userMs ?? 0) * most,
    );

    check(
      `MiB for ${row.entries} entries`,
      row.image.rssMiB ?? 0,
      (reference.image.rssMiB ?? 0) * most,
    );

    check(
      `ms to dump ${row.entries} entries`,
      row.dump.userMs ?? 0,
      (reference.dump.userMs ?? 0) * most,
    );

    check(
      `MiB to dump ${row.entries} entries`,
      row.dump.rssMiB ?? 0,
      (reference.dump.rssMiB ?? 0) * most,
    );
  }

  return problems;
}
