import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ManifestService } from '../../../shared/domain/modules/index.ts';
import { generate } from './factory.ts';
import { hasCommand } from './materialise.ts';

/**
 * systemd itself reads the units: a container with the machine's own /usr boots, and each service
 * writes down its arguments, variables and directory.
 */
const isRoot = process.getuid?.() === 0;
const reason = isRoot && hasCommand('systemd-nspawn') ? '' : 'needs root and systemd-container';

const dump = `#!/bin/bash
out=/out/$1; shift
printf '%s\\0' "$@" > "$out.argv"
cat /proc/$$/environ > "$out.env"
pwd > "$out.pwd"
touch "$out.done"
`;

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-booted-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface Case {
  args: string[];
  env: Record<string, string>;
  working_directory: string;
}

const text = fc
  .oneof(
    fc.string({
      unit: fc.constantFrom(...'ab %$\\"\'{}=;#+-@!:|&<>*?~`\t', 'ü', '😀'),
      maxLength: 12,
    }),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.constantFrom(
      '',
      ' ',
      '%n',
      '%%',
      '$HOME',
      '${HOME}',
      '$$',
      ';',
      '\\',
      '\\n',
      '"',
      "'",
      'a\\',
    ),
  )
  .filter((one) => !/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(one.replaceAll('\t', '')));

const cases: fc.Arbitrary<Case> = fc.record({
  args: fc.array(text, { maxLength: 4 }),
  env: fc.dictionary(
    fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,5}$/).map((name) => `T_${name}`),
    text,
    { maxKeys: 3 },
  ),
  working_directory: fc.constantFrom('/', '/srv/a b', '/srv/100%', '/srv/%n', '/srv/$HOME'),
});

const shellWord = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

describe.skipIf(reason)(`systemd that boots${reason && ` (${reason})`}`, () => {
  it('gives each process the words, variables and directory of its manifest', async () => {
    const all = fc.sample(cases, { numRuns: 60, seed: 14 });
    const services = all.map(({ args, ...one }, index): ManifestService => {
      const start_command = ['/opt/dump', `${index}`, ...args.map(shellWord)].join(' ');
      return { name: `s${index}`, start_command, restart_policy: 'never', ...one };
    });

    makeRoot(services);
    await boot(services.length);

    all.forEach(({ args, env, working_directory }, index) => {
      expect(read(index, 'argv'), `arguments of ${services[index]?.start_command}`).toEqual(
        // printf prints an empty word for none.
        args.length === 0 ? [''] : args,
      );
      const variables = read(index, 'env')
        .filter((one) => one.startsWith('T_'))
        .sort();
      expect(variables).toEqual(
        Object.entries(env)
          .map(([name, value]) => `${name}=${value}`)
          .sort(),
      );
      expect(readFileSync(join(directory, 'out', `${index}.pwd`), 'utf8')).toBe(
        `${working_directory}\n`,
      );
    });
  }, 60_000);
});

function read(index: number, what: string): string[] {
  return readFileSync(join(directory, 'out', `${index}.${what}`), 'utf8')
    .split('\0')
    .slice(0, -1);
}

/** The units are in /etc here, because /usr is the machine's own. */
function makeRoot(services: ManifestService[]): void {
  for (const name of [
    'etc/systemd/system',
    'usr',
    'opt',
    'out',
    'var',
    'run',
    'proc',
    'sys',
    'dev',
    'tmp',
    'srv/a b',
    'srv/100%',
    'srv/%n',
    'srv/$HOME',
  ])
    mkdirSync(join(directory, name), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64'])
    symlinkSync(`usr/${name}`, join(directory, name));
  for (const name of ['passwd', 'group', 'os-release'])
    copyFileSync(`/etc/${name}`, join(directory, 'etc', name));
  writeFileSync(join(directory, 'etc/machine-id'), `${'0123456789abcdef'.repeat(2)}\n`);
  writeFileSync(join(directory, 'opt/dump'), dump, { mode: 0o755 });

  const { entries, text: textOf } = generate([
    { manifest: { security: { capabilities: ['CAP_DAC_OVERRIDE'] }, services } },
  ]);
  const units = join(directory, 'etc/systemd/system');
  const names = entries
    .filter(({ path, type }) => type === 'file' && path.endsWith('.service'))
    .map(({ path }) => path.slice('/usr/lib/systemd/system/'.length));

  for (const name of names) {
    writeFileSync(join(units, name), textOf(`/usr/lib/systemd/system/${name}`));
    mkdirSync(join(units, `${name}.d`));
    writeFileSync(join(units, `${name}.d/test.conf`), '[Unit]\nDefaultDependencies=no\n');
  }
  writeFileSync(
    join(units, 'default.target'),
    `[Unit]\nDefaultDependencies=no\nWants=${names.join(' ')}\n`,
  );
}

async function boot(services: number): Promise<void> {
  const args = [
    '-q',
    '-D',
    directory,
    '-M',
    `gantry-${process.pid}`,
    '--bind-ro=/usr',
    '--boot',
    '--register=no',
    '--keep-unit',
    '--console=pipe',
  ];
  const container = spawn('systemd-nspawn', args, { stdio: 'ignore', detached: true });
  const ended = new Promise((resolve) => {
    container.once('exit', resolve);
  });

  const isDone = () =>
    Array.from({ length: services }, (_, index) =>
      existsSync(join(directory, 'out', `${index}.done`)),
    ).every(Boolean);
  for (let left = 300; left > 0 && !isDone() && container.exitCode === null; left--)
    await setTimeout(100);

  container.kill('SIGTERM');
  await Promise.race([ended, setTimeout(10_000).then(() => container.kill('SIGKILL'))]);
}
