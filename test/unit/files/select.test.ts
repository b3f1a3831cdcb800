import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { ancestorPaths, compareBytes } from '../../../shared/domain/files/index.ts';
import {
  compileGlob,
  type FileSelectionSpec,
  GlobMatcher,
  selectFiles,
} from '../../../shared/files/index.ts';

interface Case extends FileSelectionSpec {
  seed: number;
  paths: string[];
  file_list: string[];
}

const cases: Case[] = JSON.parse(
  readFileSync(new URL('../../fixtures/rsync-filter/cases.json', import.meta.url), 'utf8'),
);

describe('selectFiles', () => {
  test.each(cases)(
    'selects what rsync selected in case $seed',
    ({ paths, file_spec, mask, file_list }) => {
      expect(selectFiles(paths, { file_spec, mask })).toEqual(file_list);
    },
  );

  test('gives each path once, in the order of its bytes, whatever order the paths come in', () => {
    const paths = ['/b', '/\u{1f600}', '/\uffee', '/a/x', '/a b', '/b'];
    expect(selectFiles(paths, { file_spec: ['*'], mask: [] })).toEqual([
      '/a b',
      '/a/x',
      '/b',
      '/\uffee',
      '/\u{1f600}',
    ]);
  });

  test('a mask that matches a directory cuts off what is below it', () => {
    const paths = ['/etc/redis/redis.conf', '/etc/hosts', '/opt/etc'];
    expect(selectFiles(paths, { file_spec: ['/**'], mask: ['redis'] })).toEqual([
      '/etc/hosts',
      '/opt/etc',
    ]);
    expect(selectFiles(paths, { file_spec: ['/**'], mask: ['etc/'] })).toEqual(['/opt/etc']);
  });

  test('refuses paths that are not absolute', () => {
    expect(() => selectFiles(['etc/hosts'], { file_spec: ['*'], mask: [] })).toThrow(
      /absolute path of a file, found "etc/,
    );
  });
});

/** Tens of thousands of empty files are made and removed: in memory where that is possible. */
const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'gantry-select-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const rulesFile = '.rules';

/**
 * Makes a tree of empty files for each spec, with the spec as rules for what is in it; answers the
 * files' paths.
 */
function makeTrees(root: string, specs: FileSelectionSpec[], paths: string[][]): string[][] {
  return specs.map(({ file_spec, mask }, i) => {
    const tree = join(root, `c${i}`);
    mkdirSync(tree, { recursive: true });

    const rules = [
      ...mask.map((glob) => `- ${glob}`),
      '+ */',
      ...file_spec.map((glob) => `+ ${glob}`),
      '- *',
    ];

    writeFileSync(join(tree, rulesFile), `${rules.join('\n')}\n`);
    const all = paths[i] as string[];
    const directories = new Set(all.flatMap(ancestorPaths));
    const files = [...new Set(all)].filter((path) => !directories.has(path));
    for (const directory of new Set(files.map(dirname)))
      mkdirSync(join(tree, directory), { recursive: true });
    for (const path of files) writeFileSync(join(tree, path), '');

    return files;
  });
}

/**
 * What the installed rsync would copy of each tree, by one dry run for all of them: rules of a
 * directory's own apply as if it were the root of the transfer, but that patterns which are not
 * anchored see the directory's name in front.
 */
function rsyncSelects(root: string): Map<string, string[]> {
  const options = ['-a', '-m', '-n', '-8', '--out-format=/%n', `--filter=:e ${rulesFile}`];
  const stdout = execFileSync('rsync', [...options, `${root}/`, `${root}-none/`], {
    encoding: 'latin1',
    maxBuffer: 1 << 28,
  });
  const selected = new Map<string, string[]>();

  for (const line of stdout.split('\n')) {
    if (line === '' || line.endsWith('/')) continue;

    const path = Buffer.from(unescape8(line), 'latin1').toString('utf8');
    const end = path.indexOf('/', 1);
    const tree = path.slice(1, end);

    selected.set(tree, [...(selected.get(tree) ?? []), path.slice(end)]);
  }

  return selected;
}

/** The same by GlobMatcher, which like rsync judges no directory above the tree. */
function weSelect(tree: string, files: string[], spec: FileSelectionSpec): string[] {
  const inTree = (glob: string) => compileGlob(glob.startsWith('/') ? `/${tree}${glob}` : glob);
  const mask = new GlobMatcher(spec.mask.map(inTree));
  const fileSpec = new GlobMatcher(spec.file_spec.map(inTree));

  return files.filter((file) => {
    const path = `/${tree}${file}`;
    const cutOff = ancestorPaths(path)
      .slice(2)
      .some((directory) => mask.matches(directory, true));
    return !cutOff && !mask.matches(path, false) && fileSpec.matches(path, false);
  });
}

/**
 * rsync writes a byte that it takes for unprintable, and a backslash before such digits, as
 * `\\#ooo`.
 */
function unescape8(line: string): string {
  return line.replace(/\\#([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

const names = [
  'a',
  'b',
  'ab',
  'a.b',
  'ü',
  'aü',
  'a-b',
  '[a]',
  'a*',
  'a\\b',
  '?',
  ']',
  'A1',
  ' a',
  '-',
  '.x',
];
const pieces = [
  ...[
    'a',
    'b',
    'ü',
    '.',
    '*',
    '*',
    '**',
    '***',
    '?',
    '/',
    '/',
    '[ab]',
    '[!a]',
    '[^-b]',
    '[[:alpha:]]',
    '[]a]',
    '[a-]',
  ],
  ...[
    '[A-Z]',
    '[[:digit:][:punct:]]',
    '[/a]',
    '[\\]a]',
    '[ü]',
    '\\*',
    '\\\\',
    '\\a',
    '\\[',
    '[b-a]',
    '[[:a]',
    '-',
    '[',
  ],
];
const anyPath = fc
  .array(fc.constantFrom(...names), { minLength: 1, maxLength: 5 })
  .map((parts) => `/${parts.join('/')}`);
const anyGlob = fc
  .tuple(
    fc.constantFrom('', '/', '**/'),
    fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 6 }),
  )
  .chain(([start, parts]) =>
    fc.constantFrom('', '', '/', '/**', '/***', '*').map((end) => start + parts.join('') + end),
  );

function isUsable(glob: string): boolean {
  try {
    selectFiles([], { file_spec: [glob], mask: [] });
    return true;
  } catch {
    return false;
  }
}

/** Selections tried; a few hundred share one run of rsync. */
const runs = Number(process.env.GANTRY_RSYNC_RUNS ?? 2000);
const treesAtOnce = 500;
const rsyncInstalled = existsSync('/usr/bin/rsync');
const anySpec = fc.record({
  file_spec: fc.array(anyGlob.filter(isUsable), { minLength: 1, maxLength: 4 }),
  mask: fc.array(anyGlob.filter(isUsable), { maxLength: 2 }),
});
const anyPaths = fc.array(anyPath, { minLength: 5, maxLength: 15, size: 'max' });

describe.runIf(rsyncInstalled)(
  'selectFiles against rsync (skipped where /usr/bin/rsync is missing)',
  () => {
    test(
      `selects the same files in ${runs} random trees (GANTRY_RSYNC_RUNS asks for more, GANTRY_RSYNC_SEED for the same)`,
      () => {
        const firstSeed = Number(process.env.GANTRY_RSYNC_SEED ?? Date.now() % 2 ** 31);
        for (let done = 0; done < runs; done += treesAtOnce) {
          const seed = firstSeed + done;
          const sample = { numRuns: Math.min(treesAtOnce, runs - done), seed };
          const specs = fc.sample(anySpec, sample);
          const root = join(scratch, `trees-${seed}`);
          const trees = makeTrees(root, specs, fc.sample(anyPaths, sample));
          const selected = rsyncSelects(root);

          for (const [i, files] of trees.entries()) {
            const [tree, spec] = [`c${i}`, specs[i] as FileSelectionSpec];
            const wanted = { seed, spec, files: (selected.get(tree) ?? []).sort(compareBytes) };
            expect({ seed, spec, files: weSelect(tree, files, spec).sort(compareBytes) }).toEqual(
              wanted,
            );
          }

          rmSync(root, { recursive: true });
        }
      },
      60_000 + runs * 20,
    );

    test('selects the same files as the command line of product.md does, of one tree with twenty specs', () => {
      const tree = join(scratch, 'tree');
      const seed = Number(process.env.GANTRY_RSYNC_SEED ?? Date.now() % 2 ** 31);

      const [files] = makeTrees(
        tree,
        [{ file_spec: [], mask: [] }],
        fc.sample(anyPaths, { numRuns: 1, seed }),
      ) as [string[]];

      rmSync(join(tree, 'c0', rulesFile));
      for (const spec of fc.sample(anySpec, { numRuns: 20, seed })) {
        const rules = [
          ...spec.mask.map((glob) => `--exclude=${glob}`),
          '--include=*/',
          ...spec.file_spec.map((glob) => `--include=${glob}`),
          '--exclude=*',
        ];

        const options = [
          '-a',
          '-m',
          '-n',
          '-8',
          '--out-format=/%n',
          ...rules,
          `${tree}/c0/`,
          `${tree}-none/`,
        ];

        const lines = execFileSync('rsync', options, { encoding: 'latin1' }).split('\n');
        const copied = lines.filter((line) => line !== '' && !line.endsWith('/'));
        const paths = copied.map((line) => Buffer.from(unescape8(line), 'latin1').toString('utf8'));

        expect({ seed, spec, files: selectFiles(files, spec) }).toEqual({
          seed,
          spec,
          files: paths.sort(compareBytes),
        });
      }
    });
  },
);
