import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { makeProgram } from '../../cli/program.ts';
import { createApp } from '../../functions/api/app.ts';
import { projectRoot } from '../../scripts/local-cloud.ts';
import { cures } from '../../shared/base/cures.ts';
import { errorMeaning } from '../../shared/base/error-codes.ts';
import { eventFacts } from '../../shared/contract/events/index.ts';
import { idleServices } from '../unit/functions/api/services.ts';
import { blocksOf, isProse, textsOf } from './literals.ts';
import { longSentences, oddWords, sentencesOfMarkdown } from './prose.ts';

/** What the product says, by where it says it: one text a line of help, a meaning, a summary. */
interface Said {
  where: string;
  text: string;
}

const testFolders = ['browser', 'infra', 'integration', 'support', 'unit'];

const folders = ['agent', 'bench', 'cli', 'functions', 'infra', 'scripts', 'shared'];

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => relative(projectRoot, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(fixtures|node_modules)\//.test(path));
}

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');

const pages = [
  ...readdirSync(projectRoot).filter((name) => name.endsWith('.md')),
  ...filesBelow('docs', /\.md$/),
];

function saidByCommands(command: Command, path: string): Said[] {
  return [
    { where: path, text: command.description() },
    ...command.registeredArguments.map((argument) => ({
      where: `${path} <${argument.name()}>`,
      text: argument.description,
    })),
    ...command.options.map(({ flags, description }) => ({
      where: `${path} ${flags}`,
      text: description,
    })),
    ...command.commands.flatMap((child) => saidByCommands(child, `${path} ${child.name()}`)),
  ];
}

/** Every `summary` and `description` of the OpenAPI document. */
function saidByDocument(node: unknown, where: string): Said[] {
  if (Array.isArray(node))
    return node.flatMap((child, i) => saidByDocument(child, `${where}/${i}`));
  if (typeof node !== 'object' || node === null) return [];

  return Object.entries(node).flatMap(([key, child]) =>
    typeof child === 'string' && (key === 'summary' || key === 'description')
      ? [{ where: `${where}/${key}`, text: child }]
      : saidByDocument(child, `${where}/${key}`),
  );
}

async function saidByApi(): Promise<Said[]> {
  const response = await createApp(idleServices()).request('/api/v1/openapi.json');
  return saidByDocument(await response.json(), 'openapi');
}

const saidByTables = (table: Record<string, unknown>, name: string): Said[] =>
  Object.entries(table).map(([code, text]) => ({ where: `${name} ${code}`, text: String(text) }));

async function everythingSaid(): Promise<Said[]> {
  return [
    ...saidByCommands(await makeProgram(() => true), 'gantry'),
    ...(await saidByApi()),
    ...saidByTables(errorMeaning, 'error'),
    ...saidByTables(cures, 'cure'),
    ...Object.entries(eventFacts).map(([type, { when }]) => ({ where: type, text: when })),
  ];
}

/** Sentences of commands, errors and summaries are shorter than those of a page. */
const wordsMax = { said: 25, page: 32 };

describe('plain English (style of CONTRIBUTING.md)', () => {
  test('help, errors, events and API summaries use plain words', async () => {
    const found = (await everythingSaid()).flatMap(({ where, text }) =>
      oddWords(text).map((word) => `${where}: ${word}`),
    );
    expect(found).toEqual([]);
  });

  test(`their sentences have at most ${wordsMax.said} words`, async () => {
    const found = (await everythingSaid()).flatMap(({ where, text }) =>
      longSentences([text], wordsMax.said).map((sentence) => `${where}: ${sentence}`),
    );
    expect(found).toEqual([]);
  });

  test.each(pages)('%s reads easily', (page) => {
    const sentences = sentencesOfMarkdown(read(page));
    expect(sentences.flatMap(oddWords)).toEqual([]);
    expect(longSentences(sentences, wordsMax.page)).toEqual([]);
  });

  test('comments, messages and titles of tests use plain words', () => {
    const found = [...folders, ...testFolders.map((name) => `test/${name}`)]
      .flatMap((folder) => filesBelow(folder, /\.(ts|tsx|mjs|cjs|py)$/))
      .flatMap((path) => oddWords(read(path)).map((word) => `${path}: ${word}`));
    expect(found).toEqual([]);
  });

  test(`mails, pages and thrown messages have at most ${wordsMax.said} words a sentence`, () => {
    const found = folders
      .flatMap((folder) => filesBelow(folder, /\.tsx?$/))
      // Their texts are pages of docs/, which are bounded as pages.
      .filter((path) => !path.startsWith('scripts/reference/'))
      .flatMap((path) => {
        const texts = textsOf(read(path), path.endsWith('.tsx')).filter(isProse);
        return longSentences(texts.flatMap(blocksOf), wordsMax.said).map(
          (sentence) => `${path}: ${sentence}`,
        );
      });
    expect(found).toEqual([]);
  });

  test('the check reads what a source says, and no code', () => {
    const source =
      "const a = fail('expected a key, ' + `found ${found.join(', ')} in it`); // it's";
    expect(textsOf(source, false)).toEqual(['expected a key, found x in it']);
    expect(textsOf('const a = <p>It is a page.</p>;', true)).toEqual(['It is a page.']);
    expect([isProse('found a key'), isProse('module_yank')]).toEqual([true, false]);
    expect(blocksOf('a b\n  --flag c\n\nd')).toEqual(['a b', '  --flag c', 'd']);
  });

  test('the check notices odd words and long sentences', () => {
    expect(oddWords('Whoever asks is told at once.')).toHaveLength(3);
    expect(
      oddWords('One row a module, which is held against a text that is no glob.'),
    ).toHaveLength(3);
    expect(oddWords('An operation that is no longer open has one attempt.')).toEqual([]);
    expect(oddWords('The caller gets the answer immediately.')).toEqual([]);
    expect(longSentences(['One two three. Four five six seven.'], 3)).toHaveLength(1);
    expect(sentencesOfMarkdown('Text.\n\n```sh\nanew\n```\n').flatMap(oddWords)).toEqual([]);
  });
});
