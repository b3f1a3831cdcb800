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
  /** Undefined until the first look, since most looks of an agent need no memory. */
  #bootId: string | undefined;
  #fullLookS: number;
  /** The keys of files that were right in earlier looks, and in this one. */
  #before = new Set<string>();
  #files = new Set<string>();
  #isChanged = false;

  /** @param now Seconds since the boot. */
  constructor(path: string, now: () => number = uptime) {
    this.#path = path;
    this.#now = now;
    this.#fullLookS = now();
  }

  get fullLookS(): number {
    return this.#fullLookS;
  }

  /** Forgets everything when the last full look is too long ago. */
  async beginLook(): Promise<void> {
    if (this.#bootId === undefined) await this.#load();
    this.#files = new Set();
    if (!isRecent(this.#fullLookS, this.#now())) this.forget();
  }

  async #load(): Promise<void> {
    this.#bootId = await readBootId();
    const saved = await readSaved(this.#path);
    if (this.#bootId === '' || saved?.boot_id !== this.#bootId) return;

    this.#fullLookS = saved.full_look_s;
    this.#before = new Set(saved.files);
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
      boot_id: this.#bootId ?? '',
      full_look_s: this.#fullLookS,
      files: [...this.#files],
    } satisfies z.infer<typeof savedMemory>;
    await writeJson(this.#path, saved, 0o600).catch(() => undefined);
  }
}

/** Names this boot; empty when it has no name. */
export async function readBootId(): Promise<string> {
  const id = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return id.trim();
}

/** Whether a full look that began then still counts. Both are seconds since the boot. */
export function isRecent(fullLookS: number, now: number): boolean {
  const age = now - fullLookS;
  return age >= 0 && age * 1000 <= limits.agentFullLookMs;
}

async function readSaved(path: string): Promise<z.infer<typeof savedMemory> | undefined> {
  try {
    const { size } = await stat(path);
    return size > limits.agentFileMemoryBytesMax ? undefined : await readJson(path, savedMemory);
  } catch {
    return undefined;
  }
}
