import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { writeOut } from '../../../cli/output/sink.ts';
import {
  changedOnly,
  failLine,
  frame,
  pauseMsAfter,
  type Screen,
  watch,
} from '../../../cli/watch.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { gantryProgram, runGantry } from '../../support/gantry.ts';
import { sendJson, startHttpServer } from '../../support/http-server.ts';

/** Watches a list of results until it ends; returns what a person saw. */
async function seen(results: (string | GantryError)[]) {
  const shown: string[] = [];
  const failed: number[] = [];
  const pauses: number[] = [];
  const screen: Screen = {
    show: (text) => shown.push(text),
    fail: (_message, ms) => failed.push(ms),
  };

  const left = [...results];
  const look = async () => {
    const next = left.shift();
    if (next === undefined) throw new Error('the end of the test');
    if (next instanceof GantryError) throw next;
    writeOut(next);
  };
  const pause = async (ms: number) => pauses.push(ms);
  const error = await watch(look, screen, pause).catch((thrown: unknown) => thrown);
  return { shown, failed, pauses, error };
}

const away = new GantryError('unavailable', 'expected a response, found none');

describe('watching', () => {
  it('shows a result once, and again when it changes', async () => {
    const { shown, pauses } = await seen(['a', 'a', 'b', 'b', 'a']);
    expect(shown).toEqual(['a\n', 'b\n', 'a\n']);
    expect(pauses).toEqual([2000, 2000, 2000, 2000, 2000]);
  });

  it('asks less often while the control plane is away, and shows the result after it', async () => {
    const { shown, failed } = await seen(['a', away, away, away, 'a']);
    expect(failed).toEqual([4000, 8000, 16_000]);
    expect(shown).toEqual(['a\n', 'a\n']);
    expect(pauseMsAfter(50)).toBe(60_000);
  });

  it('ends by an error that a retry cannot change', async () => {
    const gone = new GantryError('not_found', 'expected a module, found none');
    expect((await seen(['a', gone])).error).toBe(gone);
  });

  it('shows an error of the control plane in one line, without control characters', () => {
    expect(failLine('down\u001b[2J\nnow', 4000)).toBe(
      'gantry: down\ufffd[2J\ufffdnow; retrying in 4 s',
    );
  });

  it('writes nothing to a pipe because a time is older by now', () => {
    const written: string[] = [];
    const write = changedOnly((text) => written.push(text));
    const row = (age: string, state: string) => `web   2026-01-01T00:00:00Z (${age})   ${state}\n`;

    write(row('59 s ago', 'live'));
    write(row('1 min ago', 'live'));
    write(row('in 3 d', 'live'));
    write(row('2 min ago', 'retired'));
    expect(written).toEqual([row('59 s ago', 'live'), row('2 min ago', 'retired')]);
  });

  it('draws over the last picture, and cuts what does not fit', () => {
    expect(frame('a\nb\n', 10)).toBe('\u001b[Ha\u001b[K\nb\u001b[K\n\u001b[J');
    expect(frame('a\nb\nc\nd', 4)).toContain('… 2 more lines');
    expect(frame('a\nb\nc', 0)).toContain('c');
  });
});

const category = { slug: 'userland', position: 90, created_at: '2026-01-01T00:00:00.000Z' };
const page = { categories: [category], next_cursor: null };

it('category list --watch --json prints a line for each change, and Ctrl-C ends it with 0', async () => {
  let position = 90;
  const server = await startHttpServer((_, response) => {
    sendJson(response, { ...page, categories: [{ ...category, position: position++ }] });
  });
  const env = { ...process.env, GANTRY_URL: `http://${server.host}`, GANTRY_TOKEN: 't' };
  const child = spawn(gantryProgram, ['category', 'list', '--watch', '--json'], { env });

  let text = '';
  for await (const part of child.stdout) {
    text += part;
    if (text.split('\n').length > 2) break;
  }
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  await server.stop();

  const lines = text.trim().split('\n');
  expect(code).toBe(0);
  expect(lines.map((line) => JSON.parse(line).categories[0].position)).toEqual([90, 91]);
});

it.each([
  ['yaml', 'categories:\n  - slug: userland\n    position: 90\n'],
  ['name', 'userland\n'],
  ['json', '{\n  "categories": [\n'],
])('-o %s prints the result in that form', async (form, beginning) => {
  const server = await startHttpServer((_, response) => sendJson(response, page));
  const env = { GANTRY_URL: `http://${server.host}`, GANTRY_TOKEN: 't' };
  const { code, stdout } = await runGantry(['category', 'list', '-o', form], { env });
  await server.stop();

  expect(code).toBe(0);
  expect(stdout.startsWith(beginning)).toBe(true);
});
