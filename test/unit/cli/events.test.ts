import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { lookBack, newEvents, sinceOf } from '../../../cli/client/events.ts';
import { formatEventLine, type ListedEvent } from '../../../cli/output/events.ts';
import { gantryProgram, runGantry } from '../../support/gantry.ts';
import { sendJson, startHttpServer } from '../../support/http-server.ts';

const event: ListedEvent = {
  id: 'evt_1',
  type: 'gantry.version.promoted',
  account: 'acme',
  subject: 'version/ver_1',
  actor: 'token:tok_1',
  by: 'the token "ci"',
  at: '2026-01-02T03:04:05.000Z',
  correlation_id: null,
  data: { module: 'redis', version: '1.0.0', from: 'blessed', operation_id: 'op_1' },
};

describe('an event', () => {
  it('names the version that changed, and not the id of its row', () => {
    const line = formatEventLine(event);
    expect(line).toMatch(/version\.promoted +the token "ci" +redis@1\.0\.0, from blessed$/);
  });

  it('shows lists and objects of its data, and leaves out what is null', () => {
    const data = {
      about: 'module/redis',
      changed: ['category', 'platforms'],
      code: null,
      set: { a: 1 },
    };
    const line = formatEventLine({ ...event, subject: 'module/redis', data });
    expect(line).toMatch(/module\/redis, changed category platforms, set \{"a":1\}$/);
  });
});

it('refuses a second object, which it would ignore', async () => {
  const { code, stderr } = await runGantry(['events', '--module', 'redis', '--template', 'web']);
  expect([code, stderr]).toEqual([
    2,
    'gantry: expected one object of events, found --module and --template (usage)\n',
  ]);
});

describe('--since', () => {
  const now = new Date('2026-01-10T00:00:00.000Z');

  it.each([
    ['30m', '2026-01-09T23:30:00.000Z'],
    ['2h', '2026-01-09T22:00:00.000Z'],
    ['7d', '2026-01-03T00:00:00.000Z'],
    ['2026-01-01', '2026-01-01T00:00:00.000Z'],
  ])('%s is %s', (since, expected) => {
    expect(sinceOf({ since }, now)).toBe(expected);
  });

  it('is refused if it is no time', () => {
    expect(() => sinceOf({ since: 'yesterday' }, now)).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
  });
});

it('events --follow prints each event once as it comes, and Ctrl-C ends it with 0', async () => {
  const known = [event];
  const server = await startHttpServer((_, response) => {
    sendJson(response, { events: known.toReversed(), next_cursor: null });
    const second = String(known.length).padStart(2, '0');
    known.push({ ...event, id: `evt_${known.length + 1}`, at: `2026-01-02T03:05:${second}.000Z` });
  });
  const env = { ...process.env, GANTRY_URL: `http://${server.host}`, GANTRY_TOKEN: 't' };
  const child = spawn(gantryProgram, ['events', '--follow', '--json'], { env });

  let text = '';
  for await (const part of child.stdout) {
    text += part;
    if (text.split('\n').length > 2) break;
  }
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  await server.stop();

  const ids = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).id);
  expect([code, ids.slice(0, 2)]).toEqual([0, ['evt_1', 'evt_2']]);
  expect(new Set(ids).size).toBe(ids.length);

  // It looks back from the newest event, because an index may list an earlier one late.
  const since = new URL(server.requests[1]?.url ?? '', 'http://x').searchParams.get('since');
  expect(since).toBe('2026-01-02T03:02:05.000Z');
});

describe('--follow', () => {
  const events = (...ids: string[]) => ids.map((id) => ({ ...event, id }));

  it('prints each event once, also one that is listed after a later one', () => {
    const fresh = newEvents(events('a', 'b'));
    expect(fresh(events('a', 'b', 'd'))).toEqual(events('d'));
    expect(fresh(events('b', 'c', 'd'))).toEqual(events('c'));
    expect(fresh(events('c', 'd'))).toEqual([]);
  });

  it.each([
    ['', '2026-01-10T00:10:00.000Z', '2026-01-10T00:08:00.000Z'],
    ['2026-01-10T00:09:00.000Z', '2026-01-10T00:10:00.000Z', '2026-01-10T00:09:00.000Z'],
    ['2026-01-10T00:00:00.000Z', '', '2026-01-10T00:00:00.000Z'],
    ['', '', undefined],
  ])('that began at "%s" and saw "%s" last asks from %s', (begin, newest, expected) => {
    expect(lookBack(begin, newest)).toBe(expected);
  });
});
