import { readFile, stat } from 'node:fs/promises';
import { uptime } from 'node:os';
import { z } from 'zod';
import { limits } from '../../shared/base/limits/index.ts';
import { readJson, writeJson } from '../state.ts';

const savedMemory = z.object({
  boot_id: z.string(),
  /** When the last full look began, in seconds since the boot. */
  full_look_s: z.number(),
  files: z.array(z.string().max(64)).max(limits.agentFilesRemembered),
});

/**
 * Remembers which files were found right, also between processes: a timer may start an agent for
 * each tick. A damaged memory is an empty one, and so is that of an earlier boot, because a loss of
 * power can leave other bytes behind the same times.
 *
 * Time is counted since the boot, so a clock that jumps postpones no full look.
 */
export class FileMemory {
  readonly #path: string;
  readonly #now: () => number;
  readonly #bootId: string;
  #fullLookS: number;
  /** The keys of files that were right in earlier looks, and in this one. */
  #before: Set<string>;
  #files = new Set<string>();
  #isChanged = false;

  private constructor(
    path: string,
    now: () => number,
    { boot_id, full_look_s, files }: z.infer<typeof savedMemory>,
  ) {
    this.#path = path;
    this.#now = now;
    this.#bootId = boot_id;
    this.#fullLookS = full_look_s;
    this.#before = new Set(files);
  }

  /** @param now Seconds since the boot. */
  static async open(path: string, now: () => number = uptime): Promise<FileMemory> {
    const read = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    const boot_id = read.trim();
    const saved = await readSaved(path);
    const isKnown = boot_id !== '' && saved?.boot_id === boot_id;
    return new FileMemory(path, now, isKnown ? saved : { boot_id, full_look_s: now(), files: [] });
  }

  /** Forgets everything when the last full look is too long ago. */
  beginLook(): void {
    this.#files = new Set();
    const age = this.#now() - this.#fullLookS;
    if (age < 0 || age * 1000 > limits.agentFullLookMs) this.forget();
  }

  forget(): void {
    this.#before = new Set();
    this.#files = new Set();
    this.#fullLookS = this.#now();
    this.#isChanged = true;
  }

  has(key: string): boolean {
    if (this.#files.has(key)) return true;
    if (!this.#before.has(key)) return false;

    this.#files.add(key);
    return true;
  }

  add(key: string): void {
    if (this.#files.size >= limits.agentFilesRemembered) return;

    this.#files.add(key);
    this.#isChanged = true;
  }

  /** Keeps what this look found right. One that checked nothing changes nothing. */
  async save(): Promise<void> {
    if (this.#files.size === 0) return;
    if (!this.#isChanged && this.#files.size === this.#before.size) return;

    this.#before = this.#files;
    this.#isChanged = false;
    const saved = {
      boot_id: this.#bootId,
      full_look_s: this.#fullLookS,
      files: [...this.#files],
    } satisfies z.infer<typeof savedMemory>;
    await writeJson(this.#path, saved, 0o600).catch(() => undefined);
  }
}

async function readSaved(path: string): Promise<z.infer<typeof savedMemory> | undefined> {
  try {
    const { size } = await stat(path);
    return size > limits.agentFileMemoryBytesMax ? undefined : await readJson(path, savedMemory);
  } catch {
    return undefined;
  }
}
