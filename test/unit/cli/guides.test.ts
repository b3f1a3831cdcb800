import { readdirSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { makeProgram } from '../../../cli/program.ts';
import { validateManifest } from '../../../shared/manifest/index.ts';

const folder = new URL('../../../docs/guides/', import.meta.url);
const pages = readdirSync(folder).filter((name) => name.endsWith('.md'));
const read = (page: string) => readFileSync(new URL(page, folder), 'utf8');

/** The lines of `gantry` in a page's shell blocks and in its text, each as words. */
function commandLines(text: string): string[][] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  const inline = [...text.matchAll(/`(gantry [^`]+)`/g)].map(([, line = '']) => line);
  const lines = blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'));

  return [...lines, ...inline]
    .flatMap((line) => line.replace(/(^|\s+)#.*/, '').split(' && '))
    .map((line) => line.replace(/^sudo /, ''))
    .map((line) => (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", '')))
    .filter(([program]) => program === 'gantry')
    .map(([, ...words]) => words);
}

/** What the command line would refuse of these words. */
async function problemsOf(words: string[]): Promise<string[]> {
  let command: Command = await makeProgram(() => true);
  let rest = words;

  while (command.commands.length > 0) {
    const next = command.commands.find((one) => one.name() === rest[0]);
    if (next === undefined) return [`no command ${rest[0]}`];
    command = next;
    rest = rest.slice(1);
  }

  const { operands, unknown } = command.parseOptions(rest);
  const allowed = command.registeredArguments;
  const required = allowed.filter((argument) => argument.required).length;

  return [
    ...unknown.map((option) => `no option ${option}`),
    ...(operands.length > allowed.length ? [`too many arguments: ${operands.join(' ')}`] : []),
    // A command that the text only names has no arguments.
    ...(rest.length > 0 && operands.length < required ? ['too few arguments'] : []),
  ];
}

describe.each(pages)('docs/guides/%s', (page) => {
  const lines = commandLines(read(page));

  it('has command lines', () => {
    expect(lines.length).toBeGreaterThan(5);
  });

  it.each(lines.map((words) => [words.join(' '), words] as const))('%s', async (_, words) => {
    expect(await problemsOf(words)).toEqual([]);
  });
});

it.each([
  ['module biuld', 'no command biuld'],
  ['module build --carv', 'no option --carv'],
  ['module poll', undefined],
  ['module poll --wait', 'too few arguments'],
  ['module poll a b', 'too many arguments: a b'],
])('the check of %j finds %j', async (line, problem) => {
  expect(await problemsOf(line.split(' '))).toEqual(problem === undefined ? [] : [problem]);
});

it('the manifest of the guide is valid', () => {
  const [, text = ''] =
    /^```yaml manifest\.yaml\n(.*?)^```$/ms.exec(read('author-a-module.md')) ?? [];
  expect(validateManifest(text)).toEqual({ valid: true, errors: [], warnings: [] });
});
