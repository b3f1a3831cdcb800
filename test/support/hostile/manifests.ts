import type { ErrorCode } from '../../../shared/base/error-codes.ts';

const mebibyte = 1024 ** 2;
const manifest = (more: object) =>
  JSON.stringify({ schema_version: 1, name: 'a', file_spec: ['/**'], ...more });
const withText = (text: string) => `{"schema_version":1,"name":"a","file_spec":["/**"],${text}}`;
const many = <Item>(count: number, make: (index: number) => Item) =>
  Array.from({ length: count }, (_, index) => make(index));

/** Texts of `manifest.json`, each of at most a mebibyte. */
export const hostileManifests: [what: string, outcome: ErrorCode | 'accepted', text: string][] = (
  [
    ['nothing', ''],
    ['YAML', 'name: a\nfile_spec: ["/**"]\n'],
    ['a byte order mark', `\ufeff${manifest({})}`],
    ['a comment', `// a\n${manifest({})}`],
    ['two documents', manifest({}) + manifest({})],
    ['null', 'null'],
    ['a list', '[]'],
    ['lists a mebibyte deep', '['.repeat(mebibyte / 2) + ']'.repeat(mebibyte / 2)],
    ['lists that never close', '['.repeat(mebibyte)],
    ['objects a mebibyte deep', `${'{"a":'.repeat(170_000)}1${'}'.repeat(170_000)}`],
    [
      'deep lists in a key that is known',
      withText(`"mask":${'['.repeat(500_000)}${']'.repeat(500_000)}`),
    ],
    ['a name twice', withText('"name":"b"')],
    ['a name twice, once escaped', withText('"n\\u0061me":"b"')],
    ['one key a hundred thousand times', `{${many(100_000, () => '"a":1').join(',')}}`],
    ['eighty thousand keys', `{${many(80_000, (index) => `"k${index}":1`).join(',')}}`],
    ['a key of a mebibyte', withText(`"${'k'.repeat(mebibyte - 100)}":1`)],
    ['the prototype of objects', withText('"__proto__":{"mask":["*"]}')],
    ['the prototype within dependencies', withText('"dependencies":{"__proto__":{"requires":[]}}')],
    ['a constructor', withText('"constructor":{"prototype":{"mask":["*"]}}')],
    ['a number beyond numbers', withText('"display_name":1e999')],
    ['a version of the format that is not yet', manifest({ schema_version: 2 })],
    ['a name with a path', manifest({ name: '../a' })],
    ['a name of a mebibyte', manifest({ name: 'a'.repeat(mebibyte - 100) })],
    ['a glob of a mebibyte', manifest({ mask: [`/${'*'.repeat(mebibyte - 200)}`] })],
    ['a glob with ..', manifest({ mask: ['/../etc/*'] })],
    ['a package that is an option', manifest({ package_spec: ['--allow-unauthenticated'] })],
    ['a package from elsewhere', manifest({ package_spec: ['./evil.deb'] })],
    [
      'a range of sixty thousand ranges',
      manifest({
        dependencies: { requires: [`a/b@${many(60_000, (index) => `^${index}.0`).join(' || ')}`] },
      }),
    ],
    [
      'too many capabilities',
      manifest({ dependencies: { provides: many(101, (index) => `c${index}`) } }),
    ],
    [
      'a circle of ten thousand services',
      manifest({
        services: many(10_000, (index) => ({
          name: `s${index}`,
          dependencies: [{ service: `s${(index + 1) % 10_000}` }],
        })),
      }),
    ],
    [
      'ten thousand services that need none that is there',
      manifest({
        services: many(10_000, (index) => ({
          name: `s${index}`,
          dependencies: [{ service: `t${index}` }],
        })),
      }),
    ],
    ['escape codes of a terminal', manifest({ display_name: '\u001b[2J' })],
  ] as const
).map(([what, text]) => [what, 'ModuleManifestSchemaError', text]);

/** Legal, and as much work as a manifest can be. */
hostileManifests.push(
  [
    'a hundred thousand globs',
    'accepted',
    manifest({ mask: many(100_000, (index) => `/${index}`) }),
  ],
  [
    'globs of nothing but stars',
    'accepted',
    manifest({ mask: many(250, () => '*a'.repeat(2000)) }),
  ],
  [
    'twenty thousand requirements',
    'accepted',
    manifest({ dependencies: { requires: many(20_000, (index) => `a/b${index}@>=1 <2 || >=3`) } }),
  ],
  ['brackets in text', 'accepted', manifest({ description: '[{'.repeat(400) })],
);
