import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { compareBytes } from '../../../shared/domain/tree.ts';
import { type FileSelectionSpec, selectFiles } from '../../../shared/files/index.ts';

interface Case extends FileSelectionSpec {
  seed: number;
  paths: string[];
  file_list: string[];
}

const cases: Case[] = JSON.parse(
  readFileSync(new URL('../../fixtures/rsync-filter/cases.json', import.meta.url), 'utf8'),
);

describe('selectFiles', () => {
  test.each(cases)('selects what rsync selected in case $seed', ({ paths, file_spec, mask, file_list }) => {
    expect(selectFiles(paths, { file_spec, mask })).toEqual(file_list);
  });

  test('gives each path once, in the order of its bytes, whatever order the paths come in', () => {
    const paths = ['/b', '/\u{1f600}', '/\uffee', '/a/x', '/a b', '/b'];
    expect(selectFiles(paths, { file_spec: ['*'], mask: [] })).toEqual(['/a b', '/a/x', '/b', '/\uffee', '/\u{1f600}']);
  });

  test('a mask that matches a directory cuts off what is below it', () => {
    const paths = ['/etc/redis/redis.conf', '/etc/hosts', '/opt/etc'];
    expect(selectFiles(paths, { file_spec: ['/**'], mask: ['redis'] })).toEqual(['/etc/hosts', '/opt/etc']);
    expect(selectFiles(paths, { file_spec: ['/**'], mask: ['etc/'] })).toEqual(['/opt/etc']);
  });

  test('refuses paths that are not absolute', () => {
    expect(() => selectFiles(['etc/hosts'], { file_spec: ['*'], mask: [] })).toThrow(
      /absolute path of a file, found "etc/,
    );
  });
});

const scratch = mkdtempSync(join(tmpdir(), 'gantry-select-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What the installed rsync copies of a tree of empty files. */
async function rsyncSelects(paths: string[], spec: FileSelectionSpec): Promise<string[]> {
  const [from, to] = [join(scratch, 'from'), join(scratch, 'to')];
  for (const directory of [from, to]) {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
  }
  for (const path of paths) {
    mkdirSync(join(from, dirname(path)), { recursive: true });
    writeFileSync(join(from, path), '');
  }
  const rules = [
    ...spec.mask.map((glob) => `--exclude=${glob}`),
    '--include=*/',
    ...spec.file_spec.map((glob) => `--include=${glob}`),
    '--exclude=*',
  ];
  execFileSync('rsync', ['-a', '-m', ...rules, `${from}/`, `${to}/`], { stdio: ['ignore', 'ignore', 'inherit'] });
  const copied = await readdir(to, { recursive: true, withFileTypes: true });
  const files = copied.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name).slice(to.length));
  return files.sort(compareBytes);
}

const names = ['a', 'b', 'ab', 'a.b', 'ü', 'aü', 'a-b', '[a]', 'a*', 'a\\b', '?', ']', 'A1', ' a', '-', '.x'];
const pieces = [
  ...['a', 'b', 'ü', '.', '*', '*', '**', '***', '?', '/', '/', '[ab]', '[!a]', '[^-b]', '[[:alpha:]]', '[]a]', '[a-]'],
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
  .tuple(fc.constantFrom('', '/', '**/'), fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 6 }))
  .chain(([start, parts]) =>
    fc.constantFrom('', '', '/', '/**', '/***', '*').map((end) => start + parts.join('') + end),
  );

/** Fewer than a file's and a directory's name at once: no tree has them. */
function withoutPrefixes(paths: string[]): string[] {
  return [...new Set(paths)].filter((path) => !paths.some((other) => other.startsWith(`${path}/`)));
}

function isUsable(glob: string): boolean {
  try {
    selectFiles([], { file_spec: [glob], mask: [] });
    return true;
  } catch {
    return false;
  }
}

const runs = Number(process.env.GANTRY_RSYNC_RUNS ?? 60);
const rsyncInstalled = existsSync('/usr/bin/rsync');

describe.runIf(rsyncInstalled)('selectFiles against rsync (skipped where /usr/bin/rsync is missing)', () => {
  test(
    `selects the same files in ${runs} random trees (GANTRY_RSYNC_RUNS asks for more)`,
    async () => {
      const globs = fc.array(anyGlob.filter(isUsable), { minLength: 1, maxLength: 4 });
      const trees = fc.array(anyPath, { minLength: 5, maxLength: 40 }).map(withoutPrefixes);
      await fc.assert(
        fc.asyncProperty(
          trees,
          globs,
          fc.array(anyGlob.filter(isUsable), { maxLength: 2 }),
          async (paths, file_spec, mask) => {
            expect(selectFiles(paths, { file_spec, mask })).toEqual(await rsyncSelects(paths, { file_spec, mask }));
          },
        ),
        { numRuns: runs },
      );
    },
    60_000 + runs * 500,
  );
});
