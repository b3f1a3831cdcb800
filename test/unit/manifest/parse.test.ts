import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { ModuleManifestSchemaError, parseManifest } from '../../../shared/manifest/index.ts';
import { cpuMs } from '../../support/cpu.ts';
import { errorsOf, problemsOf } from '../../support/manifest-problems.ts';

const flat = `schema_version: 1
name: my-nginx
display_name: "nginx 1.26 with TLS hardening"
description: |
  nginx 1.26
license: BSD-2-Clause
package_spec:
  - nginx
  - libc6:amd64=2.39-0ubuntu8
file_spec:
  - "/etc/nginx/**"
mask:
  - "/etc/nginx/sites-enabled/default"
protected_spec:
  - "/etc/nginx/conf.d/00-security.conf"
dependencies:
  requires:
    - "powernode/system-base@^1.0"
    - "powernode/chrony@>=1.0 <3 || 4.x"
  provides:
    - http-server
`;

/** The older form, as the walkthrough has it. */
const nested = `schema_version: 1
identity:
  name: my-redis
  category: userland
  variety: subscription
  description: Redis 7.4 with TLS + persistence
  cosign_identity_regexp: '^https://git\\.ipnode\\.org/acme/modules/my-redis-module@.*$'
  cosign_issuer_regexp: '^https://gitea\\.ipnode\\.org$'
package_spec:
  - redis-server
file_spec:
  include:
    - "/etc/redis/**"
    - "/var/lib/redis/.gitkeep"
  exclude:
    - "/etc/redis/sentinel.conf"
  mask:
    - "*.bak"
mask:
  - "*~"
protected_spec:
  - "/etc/redis/redis.conf" # this module owns the main config
dependency_spec:
  - name: system-base
  - name: powernode/security-hardening
`;

const withFiles = (lines: string) => `schema_version: 1\nname: a\nfile_spec: ["/**"]\n${lines}\n`;

describe('parseManifest on the flat form', () => {
  test('gives the canonical form without warnings', () => {
    const { manifest, warnings } = parseManifest(flat);
    expect(warnings).toEqual([]);

    expect(manifest).toEqual({
      schema_version: 1,
      name: 'my-nginx',
      display_name: 'nginx 1.26 with TLS hardening',
      description: 'nginx 1.26\n',
      license: 'BSD-2-Clause',
      package_spec: ['nginx', 'libc6:amd64=2.39-0ubuntu8'],
      file_spec: ['/etc/nginx/**'],
      mask: ['/etc/nginx/sites-enabled/default'],
      protected_spec: ['/etc/nginx/conf.d/00-security.conf'],
      dependencies: {
        requires: ['powernode/system-base@^1.0', 'powernode/chrony@>=1.0 <3 || 4.x'],
        provides: ['http-server'],
      },
    });
  });

  test('fills in what is left out, and warns when that is the schema version', () => {
    const { manifest, warnings } = parseManifest(
      'name: a\nfile_spec: [x]\ndependencies: {provides: [y]}\n',
    );
    expect(manifest).toEqual({
      schema_version: 1,
      name: 'a',
      package_spec: [],
      file_spec: ['x'],
      mask: [],
      protected_spec: [],
      dependencies: { requires: [], provides: ['y'] },
    });

    expect(warnings).toEqual([
      {
        severity: 'warning',
        line: 1,
        column: 1,
        path: 'schema_version',
        message: 'missing; write schema_version: 1',
      },
    ]);
  });

  test('reports all problems, each with its line, column and key path', () => {
    const text = `schema_version: 2
name: My Module
displayname: x
file_spec: /etc/**
mask:
  - "/etc/[a"
  - 7
  - "../x"
requires: []
dependencies:
  requires:
    - power node/system-base
    - powernode/system-base@latest
  need: []
package_spec: [--option]
license:
`;
    expect(errorsOf(text)).toEqual([
      '1:17 schema_version expected 1, found the number 2',
      expect.stringMatching(/^2:7 name expected lower-case letters .*, found "My Module"$/),
      '3:1 displayname unknown key; did you mean display_name?',
      '4:12 file_spec expected a list, found "/etc/**"',
      expect.stringMatching(/^6:5 mask\[0\] "\/etc\/\[a" is not a usable glob: expected a "\]"/),
      '7:5 mask[1] expected text, found the number 7; put it in quotes',
      expect.stringMatching(
        /^8:5 mask\[2\] "\.\.\/x" is not a usable glob: .* found a "\.\." component$/,
      ),
      '9:1 requires unknown key; did you mean dependencies.requires?',
      expect.stringMatching(
        /^12:7 dependencies\.requires\[0\] expected an account name before the "\/", found/,
      ),
      expect.stringMatching(/^13:7 dependencies\.requires\[1\] expected a version range .*, found/),
      '14:3 dependencies.need unknown key; expected one of requires, provides',
      expect.stringMatching(
        /^15:16 package_spec\[0\] expected a Debian package, .*, found "--option"$/,
      ),
      '16:1 license expected text, found nothing',
    ]);
  });

  test('the error carries the problems as details, and names the first with its place', () => {
    expect(() => parseManifest('schema_version: 1\nname: 5\nfile_spec: [1]')).toThrow(
      expect.objectContaining({
        code: 'ModuleManifestSchemaError',
        field: 'name',
        message: expect.stringMatching(
          /invalid: line 2, column 7: name: expected text, found the number 5.*, and 1 more$/,
        ),
        details: {
          problems: [
            expect.objectContaining({ path: 'name' }),
            expect.objectContaining({ path: 'file_spec[0]' }),
          ],
        },
      }),
    );
  });

  test.each([
    ['schema_version: 1\nfile_spec: ["x"]', '1:1 name expected text, found nothing'],
    ['', '1:1  expected a mapping of keys such as name and file_spec, found nothing'],
    ['- a', '1:1  expected a mapping of keys such as name and file_spec, found a list'],
    [withFiles('file_spec: [y]'), '4:1 file_spec expected the key file_spec once, found it again'],
    [
      withFiles('dependencies:\n  provides: []\n  "provides": []'),
      '6:3 dependencies.provides expected the key provides once, found it again',
    ],
    [withFiles('---\nname: b'), '4:1  expected one YAML document, found another'],
    [
      withFiles('license: *nowhere'),
      '4:10 license expected an anchor &nowhere before this alias, found none',
    ],
    [withFiles('license: !secret x'), expect.stringMatching(/^4:10 {2}Unresolved tag: !secret/)],
    [
      withFiles('parent_module: a/b/c'),
      '4:16 parent_module expected <module> or <account>/<module>, found "a/b/c"',
    ],
    [
      withFiles('display_name: "a\\ab"'),
      '4:15 display_name expected text without control characters, found "a\\u0007b"',
    ],
    [
      withFiles('__proto__: {}'),
      expect.stringMatching(/^4:1 __proto__ unknown key; expected one of schema_version, name,/),
    ],
    [
      withFiles('constructor: {}'),
      expect.stringMatching(/^4:1 constructor unknown key; expected one of/),
    ],
    [
      withFiles(`license: ${'x'.repeat(16_001)}`),
      expect.stringMatching(/^4:10 license expected at most 16000 characters, found/),
    ],
  ])('refuses %j', (text, problem) => {
    expect(errorsOf(text)).toContainEqual(problem);
  });

  test('syntax errors are problems with a place too', () => {
    expect(errorsOf('name: [a\nfile_spec: "x')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^2:\d+ {2}\S/)]),
    );
  });

  test('aliases are expanded, and problems in them are shown where the alias is used', () => {
    expect(
      parseManifest(withFiles('mask: &m [a]\nprotected_spec: *m')).manifest.protected_spec,
    ).toEqual(['a']);
    expect(
      errorsOf(withFiles('mask: &m [a:b]\ndependencies:\n  provides: *m\n  requires: *m')),
    ).toEqual([expect.stringMatching(/^4:11 dependencies\.requires\[0\] expected <account>/)]);
  });
});

describe('parseManifest on globs that rsync accepts', () => {
  test('warns of those that can match nothing, or no file', () => {
    const text =
      'schema_version: 1\nname: a\nfile_spec: [/etc/redis/, "./x", "/a/**"]\nmask: [tmp/, "a//b", "/"]\n';
    const { warnings } = parseManifest(text);

    expect(warnings.map(({ column, path, message }) => `${column} ${path} ${message}`)).toEqual([
      '13 file_spec[0] selects no file: a trailing "/" matches directories only; write "/etc/redis/**" for what is below',
      '26 file_spec[1] matches nothing: no path has the component "."',
      '14 mask[1] matches nothing: no path has the component ""',
      '22 mask[2] matches nothing: no path has the component ""',
    ]);
  });
});

describe('parseManifest on the nested form', () => {
  test('normalises it, with a warning for each key that names the flat one', () => {
    const { manifest, warnings } = parseManifest(nested);
    expect(manifest).toEqual({
      schema_version: 1,
      name: 'my-redis',
      description: 'Redis 7.4 with TLS + persistence',
      package_spec: ['redis-server'],
      file_spec: ['/etc/redis/**', '/var/lib/redis/.gitkeep'],
      mask: ['*~', '/etc/redis/sentinel.conf', '*.bak'],
      protected_spec: ['/etc/redis/redis.conf'],
      dependencies: { requires: ['system-base@*', 'powernode/security-hardening@*'], provides: [] },
    });

    expect(
      warnings.map(({ severity, line, column, path, message }) => [
        severity,
        `${line}:${column}`,
        path,
        message,
      ]),
    ).toEqual([
      ['warning', '3:3', 'identity.name', 'identity.name is the older nested form; write name'],
      [
        'warning',
        '4:3',
        'identity.category',
        expect.stringContaining('ignored: category belongs to the'),
      ],
      [
        'warning',
        '5:3',
        'identity.variety',
        expect.stringContaining('ignored: variety belongs to the'),
      ],
      ['warning', '6:3', 'identity.description', expect.stringContaining('write description')],
      ['warning', '7:3', 'identity.cosign_identity_regexp', expect.stringContaining('ignored')],
      ['warning', '8:3', 'identity.cosign_issuer_regexp', expect.stringContaining('ignored')],
      ['warning', '12:3', 'file_spec.include', expect.stringContaining('write file_spec')],
      ['warning', '15:3', 'file_spec.exclude', expect.stringContaining('write mask')],
      ['warning', '17:3', 'file_spec.mask', expect.stringContaining('write mask')],
      [
        'warning',
        '23:1',
        'dependency_spec',
        expect.stringContaining('write dependencies.requires'),
      ],
    ]);
  });

  test('problems are shown at the keys as the author wrote them', () => {
    const text = `schema_version: 1
category: userland
identity:
  name: NotASlug
  nmae: x
name: b
file_spec:
  include: /etc
  mask: ["["]
  extra: 1
dependency_spec:
  - system-base
  - name: 5
  - name: Bad_
    version: 1
`;
    expect(errorsOf(text)).toEqual([
      '4:3 identity.name expected name once, found it at the top of the manifest as well',
      expect.stringMatching(/^5:3 identity\.nmae unknown key; expected one of name, /),
      '8:12 file_spec.include expected a list, found "/etc"',
      expect.stringMatching(/^9:10 file_spec\.mask\[0\] "\[" is not a usable glob/),
      '10:3 file_spec.extra unknown key; expected one of include, exclude, mask',
      '13:5 dependency_spec[1] expected "name: <module>", found name: the number 5',
      expect.stringMatching(
        /^14:11 dependency_spec\[2\]\.name expected a module name before the "@", found "Bad_@\*"$/,
      ),
      '15:5 dependency_spec[2].version unknown key; expected one of name',
    ]);
  });
});

describe('parseManifest on hostile text', () => {
  const bomb = Array.from(
    { length: 12 },
    (_, i) => `k${i}: &k${i} [${i === 0 ? 'x' : `*k${i - 1},`.repeat(10)}]`,
  ).join('\n');
  test.each([
    [
      'too long',
      `name: ${'x'.repeat(limits.moduleManifestBytesMax)}`,
      /expected at most 1048576 bytes, found 1048582/,
    ],
    [
      'too long for a row',
      `name: a\nservices: [{name: b, unit_body: ${'x'.repeat(limits.versionManifestBytesMax)}}]`,
      /expected at most 196608 bytes as JSON, found 19\d{4}/,
    ],
    ['an alias bomb', bomb, /expected at most 100 aliases, found 110/],
    [
      'an alias bomb of few aliases',
      bomb.replaceAll(/(\*k\d+,){10}/g, (m) => m.slice(0, m.length * 0.9)),
      /alias/i,
    ],
    ['deeply nested lists', '['.repeat(50_000), /nested too deeply/],
    ['deeply nested mappings', '{a: '.repeat(30_000), /nested too deeply/],
    ['many keys', Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n'), /unknown key/],
    ['many wrong entries', `name: a\nfile_spec: [${'1,'.repeat(30_000)}]`, /found the number 1/],
  ])('answers %s soon, with a bounded list of problems', (_, text, message) => {
    const started = cpuMs();
    const problems = problemsOf(() => parseManifest(text));

    expect(cpuMs() - started).toBeLessThan(5000);
    expect(problems.length).toBeLessThanOrEqual(limits.manifestProblemsMax);
    expect(problems).toContainEqual(
      expect.objectContaining({ severity: 'error', message: expect.stringMatching(message) }),
    );
  });

  test.each(['mask: &m [*m]', 'dependencies: &d {requires: *d}', 'identity: &i {name: *i}'])(
    'answers a document that contains itself: %s',
    (line) => {
      expect(errorsOf(`schema_version: 1\nname: a\nfile_spec: [x]\n${line}\n`)[0]).toMatch(
        /expected/,
      );
    },
  );

  test('any input either parses or throws ModuleManifestSchemaError', () => {
    const token = fc.constantFrom(
      ...'name: |- |[|]|{|}|,|&a |*a|!!str |"|\'|#|\n|\n  |\t|x|1|? |: |<<: |file_spec:|identity:|~|%|---|>|\\|\u0000|\ud800'.split(
        '|',
      ),
    );
    fc.assert(
      fc.property(
        fc.array(token, { maxLength: 20 }).map((tokens) => tokens.join('')),
        (text) => {
          try {
            parseManifest(text);
          } catch (error) {
            expect(error).toBeInstanceOf(ModuleManifestSchemaError);
            for (const { line, column } of (error as ModuleManifestSchemaError).problems) {
              expect(Math.min(line, column)).toBeGreaterThanOrEqual(1);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
