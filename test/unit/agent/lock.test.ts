import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { awaitLock, isLockWanted, pause, takeLock } from '../../../agent/lock.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-lock-'));
  path = join(directory, 'lock');
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** The name of a running process that is not this one, as a lock holds it. */
function nameOfParent(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return `${process.ppid} ${boot} ${started}`;
}

describe('a lock', () => {
  it('of a running process is refused, and stays', async () => {
    symlinkSync(nameOfParent(), path);

    await expect(takeLock(path)).rejects.toMatchObject({ code: 'conflict' });
    expect(readlinkSync(path)).toBe(nameOfParent());
  });

  it('that a running process wrote as a file is refused too, and stays', async () => {
    writeFileSync(path, nameOfParent());

    await expect(takeLock(path)).rejects.toMatchObject({ code: 'conflict' });
    expect(readFileSync(path, 'utf8')).toBe(nameOfParent());
  });

  it.each([
    ['symlink', (name: string) => symlinkSync(name, path)],
    ['file', (name: string) => writeFileSync(path, name)],
  ])('of a process that has ended, in a %s, is taken over', async (_, write) => {
    write('999999999 another-boot 1');

    const release = await takeLock(path);
    expect(readlinkSync(path)).toMatch(new RegExp(`^${process.pid} `));
    await release();
  });
});

describe('a wanted lock', () => {
  const never = new AbortController().signal;

  it('ends the pause of its holder, and is there once it is released', async () => {
    const release = await takeLock(path);
    const paused = pause(path, 60_000, never);
    const waiting = awaitLock(path);
    await paused;
    expect(await isLockWanted(path)).toBe(true);
    // A holder that pauses again does not wait either.
    await pause(path, 60_000, never);

    await release();
    const releaseNext = await waiting;
    expect(await isLockWanted(path)).toBe(false);
    await releaseNext();
  });

  it('by a process that has ended is not wanted', async () => {
    symlinkSync('999999999 another-boot 1', `${path}.wanted`);
    expect(await isLockWanted(path)).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('lets a pause take its time, and end with its signal', async () => {
    const started = performance.now();
    await pause(path, 50, never);
    expect(performance.now() - started).toBeGreaterThanOrEqual(49);

    const end = new AbortController();
    const paused = pause(path, 60_000, end.signal);
    await sleep(20);
    end.abort();
    await paused;
  });
});
