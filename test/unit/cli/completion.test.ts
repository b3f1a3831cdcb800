import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { hardenBashScript } from '../../../cli/completion/bash-script.ts';
import { commandOf, splitVersion } from '../../../cli/completion/complete.ts';
import { placeholderOf } from '../../../cli/completion/names.ts';
import { makeProgram } from '../../../cli/program.ts';
import { runGantry } from '../../support/gantry.ts';
import { sendJson, startHttpServer } from '../../support/http-server.ts';

async function offered(line: string[], url = 'http://127.0.0.1:9'): Promise<string[]> {
  const env = { GANTRY_URL: url, GANTRY_TOKEN: 'none', XDG_CONFIG_HOME: '/nonexistent' };
  const { code, stdout, stderr } = await runGantry(['complete', '--', ...line], { env });
  expect([code, stderr]).toEqual([0, '']);
  return stdout.split('\n').flatMap((row) => (row.includes('\t') ? [row.replace(/\t.*/, '')] : []));
}

describe('completion', () => {
  it.each([
    [['con'], ['context']],
    [['module', 'pro'], ['promote']],
    [
      ['module', 'promote', '--to', ''],
      ['built', 'staging', 'blessed', 'live', 'retired'],
    ],
    [['--context', 'prod', 'module', 'pro'], ['promote']],
    [['module', 'promote', 'a@1', '--wi'], ['--withdraw']],
    // No control plane responds: nothing is offered, and nothing is printed.
    [['module', 'show', ''], []],
  ])('of %j offers %j', async (line, words) => {
    expect(await offered(line)).toEqual(words);
  });

  it('offers categories by their names, without those that a shell could run', async () => {
    const created_at = '2026-01-01T00:00:00.000Z';
    const server = await startHttpServer((_, response) =>
      sendJson(response, {
        categories: ['userland', '$(touch /tmp/x)', '--all', 'a b', '`id`'].map((slug) => ({
          slug,
          position: 90,
          created_at,
        })),
        next_cursor: null,
      }),
    );
    const line = ['module', 'register', 'x', '--category', ''];

    expect(await offered(line, `http://${server.host}`)).toEqual(['userland']);
    await server.stop();
  });

  it('finds the innermost command', async () => {
    const program = await makeProgram(() => true);
    expect(commandOf(program, ['template', 'preview', 'web']).name()).toBe('preview');
  });

  it('takes a version that bash broke at "@" as one word', () => {
    expect(splitVersion(['module', 'promote', 'a', '@', '0'])).toEqual({
      words: ['module', 'promote', '0'],
      before: 'a@',
    });
    expect(splitVersion(['module', 'promote', 'a@0'])).toEqual({
      words: ['module', 'promote', 'a@0'],
      before: '',
    });
  });

  it('reads what an option takes from its flags', () => {
    expect(placeholderOf('--assign <module>')).toBe('module');
    expect(placeholderOf('-h, --help')).toBe('');
  });

  it.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    expect((await runGantry(['completion', shell])).stdout).toContain('gantry complete --');
  });

  it('runs in bash neither what is typed nor what is offered', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'gantry-completion-'));
    const { stdout } = await runGantry(['completion', 'bash']);
    const lines = [
      stdout,
      '_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}"); cur=${words[-1]}; }',
      'compopt() { :; }',
      `gantry() { printf '%s\\n' "$@" >typed; printf '%s\\n' 'web-$(touch offered)' other :4; }`,
      "COMP_WORDS=(gantry template show '$(touch ran)' 'web')",
      '__gantry_complete',
      `printf '%s\\n' "\${COMPREPLY[@]}" >reply`,
    ];

    await promisify(execFile)('bash', ['-c', lines.join('\n')], { cwd: directory });
    const read = (name: string) => readFile(join(directory, name), 'utf8');
    expect((await readdir(directory)).sort()).toEqual(['reply', 'typed']);
    expect(await read('reply')).toBe('web-$(touch offered)\n');
    expect(await read('typed')).toBe('complete\n--\ntemplate\nshow\n$(touch ran)\nweb\n');
    await rm(directory, { recursive: true });
  });

  it('refuses a script of the library that it does not know', () => {
    expect(() => hardenBashScript('eval "$1"')).toThrow('expected in the script for bash');
  });
});
