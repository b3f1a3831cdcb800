import { spawnSync } from 'node:child_process';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parseMetadata } from '../../../cli/command.ts';
import { commandGroups } from '../../../cli/groups.ts';
import { table } from '../../../cli/output/table.ts';
import project from '../../../package.json' with { type: 'json' };

describe('metadata', () => {
  it('converts booleans and numbers, and nothing else', () => {
    expect(
      parseMetadata([
        'a=true',
        'b=-1.5',
        'c=007',
        'd=',
        'e=x=y',
        'f=12345678901234567890',
        'g=1e3',
      ]),
    ).toEqual({
      a: true,
      b: -1.5,
      c: '007',
      d: '',
      e: 'x=y',
      f: '12345678901234567890',
      g: '1e3',
    });
  });

  it.each(['a', '=b'])('refuses %j', (pair) => {
    expect(() => parseMetadata([pair])).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

it('gantry --version prints the version of the package', () => {
  const program = new URL('../../../bin/gantry', import.meta.url).pathname;
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([0, `${project.version}\n`]);
});

it('ignores a reader that closes the output early, as head does', () => {
  const program = new URL('../../../bin/gantry', import.meta.url).pathname;
  const manifest = new URL('../../../examples/modules/nginx', import.meta.url).pathname;
  const line = 'set -o pipefail; "$0" module validate "$1" | true; echo "${PIPESTATUS[0]}"';
  const { stdout, stderr } = spawnSync('bash', ['-c', line, program, manifest], {
    encoding: 'utf8',
  });

  expect([stdout, stderr]).toEqual(['0\n', '']);
});

it.each([
  [
    ['module', 'promote', 'a@1.0.0', '--to', 'production'],
    'Allowed choices are built, staging, blessed, live, retired.',
  ],
  [
    ['module', 'promote', 'a', '--to', 'live'],
    'expected <module>@<version> or the id of a version, found "a"',
  ],
  [['module', 'biuld'], '(Did you mean build?); --help lists the commands'],
  [
    ['assignment', 'update', 'web', 'a'],
    'expected at least one of --constraint, --set, --unset and --priority',
  ],
  [
    ['module', 'update', 'a', '--claim', 'build_trigger=^push$'],
    'expected --claim with an identity and its issuer',
  ],
  [
    ['module', 'update', 'a', '--key', 'a.pub', '--no-keys'],
    'expected --key or --no-keys, found both',
  ],
  [
    ['hook', 'create', '--kind', 'zot', '--host', 'zot.example'],
    'Allowed choices are distribution, harbor, gitea, github.',
  ],
  [['trust', 'root', 'threshold', 'two'], 'Expected a whole number.'],
  [
    ['trust', 'root', 'add-key', 'package.json'],
    'expected a public or private key (PEM) in package.json',
  ],
  [
    ['trust', 'root', 'sign', '--key', 'alice.pem', '--proposal', 'package.json'],
    'expected the output of "gantry trust root show --json" in the file of --proposal',
  ],
  [
    ['assignment', 'remove', 'web'],
    'expected <template> <module> or the id of an assignment, found "web"',
  ],
])('%j prints what it expected, and nothing else', (line, sentence) => {
  const program = new URL('../../../bin/gantry', import.meta.url).pathname;
  const env = { ...process.env, GANTRY_URL: 'http://127.0.0.1:9', GANTRY_TOKEN: 'none' };
  const { status, stdout, stderr } = spawnSync(program, line, { encoding: 'utf8', env });

  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(sentence);
  expect(stderr.split('\n').length).toBeLessThan(5);
});

function runLine(...line: string[]) {
  const program = new URL('../../../bin/gantry', import.meta.url).pathname;
  const { status, stdout, stderr } = spawnSync(program, line, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('help', () => {
  it.each([
    [['help', 'module', 'promote'], 'Usage: gantry module promote'],
    [['module', 'help', 'promote'], 'Usage: gantry module promote'],
    [['help', 'module'], 'why [options] <ref>'],
    [['help', 'instance', 'list'], 'Usage: gantry instance list'],
    [['help'], 'Usage: gantry [options]'],
  ])('%j prints the whole help of the command', (line, text) => {
    const { status, stdout, stderr } = runLine(...line);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(text);
  });

  it('of an unknown command is an error', () => {
    expect(runLine('help', 'modle')).toEqual({
      status: 2,
      stdout: '',
      stderr:
        "gantry: unknown command 'modle' (Did you mean module?); --help lists the commands (usage)\n",
    });
  });
});

it.each([
  [['module', 'promote', 'a@1.0.0'], "required option '--to <state>' not specified"],
  [['module', 'show'], "missing required argument 'name'"],
  [['module', 'show', 'a', '--frob'], "unknown option '--frob'"],
])('%j with --json prints its usage error as JSON', (line, message) => {
  const { status, stdout, stderr } = runLine(...line, '--json');
  expect([status, stdout]).toEqual([2, '']);
  expect(JSON.parse(stderr)).toEqual({ error: { code: 'usage', message } });
});

it.each([
  ['get', 'agent'],
  ['rename', 'create'],
])('does not suggest for %s what merely has the same letters', (word, unlike) => {
  expect(runLine(word).stderr).not.toContain(unlike);
});

it.each([
  [['module', 'ls']],
  [['template', 'get', 'web']],
  [['member', 'delete', 'mbr_x']],
  [['token', 'rm', 'tok_x']],
])('%j is another name of a command', (line) => {
  expect(runLine(...line, '--help')).toMatchObject({ status: 0, stderr: '' });
});

it('aligns the columns of a table and keeps rows from controlling the terminal', () => {
  const text = table(
    ['A', 'B'],
    [
      ['long name', '\u001b]0;title\u0007x'],
      ['s', null],
    ],
    'none',
  );

  expect(text).not.toContain('\u001b]');
  expect(text.split('\n').at(-1)).toBe('s          -');
  expect(table(['A'], [], 'none')).toBe('none');

  const many = Array.from({ length: 200_000 }, () => ['x']);
  expect(table(['A'], many, 'none')).toHaveLength('A\n'.length + many.length * 2 - 1);
});

describe('every command of the API', () => {
  const nouns = [
    'login',
    'account',
    'member',
    'token',
    'category',
    'template',
    'assignment',
    'instance',
    'drift',
  ];

  const more = ['operation', 'approval', 'policy', 'module'];
  it.each([...nouns, ...more])(
    '%s has --json, an example and documented exit codes',
    async (name) => {
      const group = commandGroups.find((group) => group.name === name);
      const command = new Command(name);

      (await group?.load())?.register(command);
      const leaves = command.commands.length > 0 ? command.commands : [command];

      for (const leaf of leaves) {
        let help = '';
        leaf.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
        expect(help, leaf.name()).toContain('--json');
        expect(help, leaf.name()).toMatch(/Examples?:\n {2}/);
        expect(help, leaf.name()).toContain('Exit codes: 0');
      }
    },
  );
});
