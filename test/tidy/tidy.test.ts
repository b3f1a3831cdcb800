import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/local-cloud.ts';

const folders = [
  'agent',
  'bench',
  'bin',
  'cli',
  'functions',
  'infra',
  'scripts',
  'sdk',
  'shared',
  'test',
];
const linesMax = { source: 400, test: 500 };
const columnsMax = 100;

interface Source {
  path: string;
  text: string;
}

/** Every source file of the project; what others wrote (fixtures) is not ours to tidy. */
function sources(): Source[] {
  return folders
    .filter((folder) => existsSync(join(projectRoot, folder)))
    .flatMap((folder) =>
      readdirSync(join(projectRoot, folder), { recursive: true, withFileTypes: true }),
    )
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (file) => /\.(ts|tsx|mjs|cjs|py)$/.test(file) && !/\/(fixtures|node_modules)\//.test(file),
    )
    .map((file) => ({ path: relative(projectRoot, file), text: readFileSync(file, 'utf8') }))
    .filter(({ path }) => path !== 'test/tidy/tidy.test.ts');
}

interface Ban {
  name: string;
  pattern: RegExp;
  /** Where it is banned; everywhere without it. */
  within?: RegExp;
  except?: RegExp;
}

const product = /^(agent|cli|functions|infra|shared|sdk)\//;

const bans: Ban[] = [
  {
    name: 'console.* (functions log through shared/base/log.ts, tools write to their streams)',
    pattern: /\bconsole\.\w+\(/,
    except: /^(bench|examples)\//,
  },
  {
    name: 'a parsed JSON of assumed type (zod parses it)',
    pattern: /JSON\.parse\([^\n]*\)\s+as\s(?!unknown\b)/,
    within: product,
  },
  {
    name: 'an any that Biome was made to overlook',
    pattern: /biome-ignore[^\n]*noExplicitAny/,
  },
  { name: 'a type that nothing has (say the real one)', pattern: /\bas never\b/ },
  { name: 'a suppressed type error', pattern: /@ts-(ignore|nocheck|expect-error)/ },
  { name: 'a note to self', pattern: /\b(TODO|FIXME|XXX|HACK)\b/ },
  { name: 'a path of one machine', pattern: /\/(work|Users)\// },
  {
    name: 'a skipped or exclusive test',
    pattern: /\b(test|it|describe)\.(skip|only|todo)\b/,
    within: /^test\//,
  },
  { name: 'a section banner', pattern: /^\s*(\/\/|#|\*)\s*[-=*#─]{4,}/m },
  {
    name: 'randomness that is no secret and no id',
    pattern: /Math\.random\(/,
    within: /^shared\/(domain|manifest|files|artifact|composefs|composition|signature)\//,
  },
  {
    name: 'a request past the guard (shared/registry/guard.ts)',
    pattern: /(?<![.\w])(fetch|WebSocket|EventSource)\(|\bnew (Transport|RegistryClient)\(/,
    within: /^(functions|shared)\//,
    except: /^shared\/(actions\/registries\/access|registry\/connection)\.ts$/,
  },
  {
    name: 'the clock in a pure core (times are handed in)',
    pattern: /(\bDate\.now\(\)|\bnew Date\(\))/,
    within: /^shared\/(domain|manifest|files|artifact|composefs|composition)\//,
  },
];

const all = sources();

test('there are sources to look at', () => {
  expect(all.length).toBeGreaterThan(50);
});

test(`no source has over ${linesMax.source} lines, no test over ${linesMax.test}`, () => {
  const long = all
    .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
    .filter(({ path, lines }) => lines > linesMax[path.startsWith('test/') ? 'test' : 'source']);
  expect(long).toEqual([]);
});

test(`no comment is wider than ${columnsMax} columns, but for a link`, () => {
  const wide = all.flatMap(({ path, text }) =>
    text
      .split('\n')
      .map((line, index) => ({ line, place: `${path}:${index + 1}` }))
      .filter(({ line }) => /^\s*(\/[/*]|\*|#)/.test(line) && !/https?:\/\//.test(line))
      .filter(({ line }) => line.length > columnsMax)
      .map(({ place }) => place),
  );
  expect(wide).toEqual([]);
});

test('files and folders are named in kebab-case', () => {
  const named = /^[a-z0-9]+(-[a-z0-9]+)*$/;
  const odd = all.filter(
    ({ path }) =>
      !path
        .split('/')
        .every((part) => named.test(part.replace(/(\.test|\.config|\.d)?\.\w+$/, ''))),
  );

  expect(odd.map(({ path }) => path)).toEqual([]);
});

test('exports have names; a default only where a tool asks for it', () => {
  const asked = /^(scripts\/vitest-mutate|test\/support\/(stack|skip-reporter))\.ts$/;
  const found = all.filter(
    ({ path, text }) => /^export default\b/m.test(text) && !asked.test(path),
  );
  expect(found.map(({ path }) => path)).toEqual([]);
});

describe('nowhere is', () => {
  test.each(bans)('$name', ({ pattern, within, except }) => {
    const found = all
      .filter(({ path }) => (within?.test(path) ?? true) && !(except?.test(path) ?? false))
      .flatMap(({ path, text }) => {
        const match = pattern.exec(text);
        if (match === null) return [];
        return [`${path}:${text.slice(0, match.index).split('\n').length}: ${match[0].trim()}`];
      });
    expect(found).toEqual([]);
  });
});
