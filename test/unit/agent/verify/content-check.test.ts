import { mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ContentCheck } from '../../../../agent/verify/content-check.ts';
import { FileMemory } from '../../../../agent/verify/file-memory.ts';
import { limits } from '../../../../shared/base/limits/index.ts';
import { fsVerityDigest } from '../../../../shared/composefs/index.ts';

const text = 'a text that is checked';
const verity = fsVerityDigest(Buffer.from(text));
const hour = limits.agentFullLookMs / 1000;

let dir: string;
let file: string;
let memory: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-check-'));
  file = join(dir, 'file');
  await writeFile(file, text);
  // Until its change time is old enough to be remembered.
  await sleep(1100);
});
afterAll(() => rm(dir, { recursive: true, force: true }));
beforeEach(() => {
  memory = join(dir, `memory-${Math.random()}`);
});

/** One look of an agent that a timer starts. */
async function look({ now = 0, expected = verity } = {}): Promise<boolean> {
  const check = new ContentCheck(new FileMemory(memory, () => now));
  await check.beginLook();
  const holds = check.holds(file, expected, text.length);
  await check.endLook();
  return holds;
}

/** Whether the saved memory has a file, and a look now would take it from there. */
async function remembers(now = 0): Promise<boolean> {
  const saved = await readFile(memory, 'utf8').catch(() => undefined);
  const opened = new FileMemory(memory, () => now);
  await opened.beginLook();
  const { files } = JSON.parse(saved ?? '{"files":[]}');
  return files.length > 0 && opened.has(files[0]);
}

describe('the memory of files that were right', () => {
  it('lasts from one process to the next, for root alone', async () => {
    expect(await remembers()).toBe(false);
    expect(await look()).toBe(true);
    expect(await remembers()).toBe(true);
    expect((await stat(memory)).mode & 0o777).toBe(0o600);
  });

  it('is of one content: another digest is looked for in the file', async () => {
    await look();
    expect(await look({ expected: 'f'.repeat(64) })).toBe(false);
  });

  it('ends for a file that changes, though it gets its size and time back', async () => {
    const { atime, mtime } = await stat(file);
    await look();

    await writeFile(file, text.replace('checked', 'CHECKED'));
    await utimes(file, atime, mtime);
    expect(await look()).toBe(false);

    await writeFile(file, text);
    await utimes(file, atime, mtime);
    expect(await look()).toBe(true);
  });

  it('takes no file that changed just now, whose next change may have the same time', async () => {
    await writeFile(file, text);
    await look();
    expect(await remembers()).toBe(false);

    await sleep(1100);
    await look();
    expect(await remembers()).toBe(true);
  });

  it('ends after an hour, by the time since the boot', async () => {
    await look({ now: 10 });
    expect(await remembers(10 + hour)).toBe(true);
    expect(await remembers(10 + hour + 1)).toBe(false);
    expect(await remembers(9)).toBe(false);
  });

  it('ends with the boot', async () => {
    await look();
    const saved = JSON.parse(await readFile(memory, 'utf8'));
    await writeFile(memory, JSON.stringify({ ...saved, boot_id: 'another' }));
    expect(await remembers()).toBe(false);
  });

  it.each([
    ['damaged', '{"boot_id":'],
    ['of another form', '{"files":[1]}'],
    ['longer than an agent reads', ' '.repeat(limits.agentFileMemoryBytesMax + 1)],
  ])('is empty when it is %s', async (_, content) => {
    await writeFile(memory, content);
    expect(await look()).toBe(true);
    expect(await remembers()).toBe(true);
  });

  it('forgets what a look does not check, and nothing in a look that checks nothing', async () => {
    await look();
    const idle = new FileMemory(memory, () => 0);
    await idle.beginLook();
    await idle.save();
    expect(await remembers()).toBe(true);

    const other = new FileMemory(memory, () => 0);
    await other.beginLook();
    other.add('another');
    await other.save();
    expect(JSON.parse(await readFile(memory, 'utf8')).files).toEqual(['another']);
  });

  it('is not written again while nothing changes', async () => {
    await look();
    const before = await stat(memory, { bigint: true });
    await look();
    expect((await stat(memory, { bigint: true })).ino).toBe(before.ino);
  });
});
