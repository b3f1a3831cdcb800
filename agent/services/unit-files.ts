import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { errnoOf } from '../failure.ts';
import { writeAtomic } from '../files.ts';
import { bootedGeneration } from '../mount/booted.ts';
import type { AgentPaths } from '../paths.ts';
import type { UnitState } from './systemd.ts';

/**
 * systemd forgets these units at a reboot, and so never starts one before the agent knows that its
 * root is there.
 */
const unitFolder = '/run/systemd/system';

/**
 * On a machine that booted from its composition, the same in the first folder of /run that systemd
 * searches: modules ship units and drop-ins in `/etc/systemd/system`, which come before
 * `/run/systemd/system` (systemd.unit(5)).
 */
const bootedUnitFolder = '/run/systemd/system.control';

/** Where a composition has its units and their drop-ins. */
const composed = /^\/(?:etc|usr\/local\/lib|usr\/lib)\/systemd\/system\//;

/** The units that an agent writes for the services of its root. */
export class UnitFiles {
  readonly #folder: string;
  readonly #isBooted: boolean;
  /** The first line of each file says whose it is. */
  readonly #marker: string;

  private constructor({ dir }: AgentPaths, isBooted: boolean) {
    this.#folder = isBooted ? bootedUnitFolder : unitFolder;
    this.#isBooted = isBooted;
    this.#marker = `# Made by gantry agent in ${dir}; each tick writes it again.`;
  }

  static async open(paths: AgentPaths): Promise<UnitFiles> {
    return new UnitFiles(paths, (await bootedGeneration(paths)) !== undefined);
  }

  /** The names of the units that this agent wrote. */
  async list(): Promise<string[]> {
    const names = await namesIn(this.#folder);
    const own = await Promise.all(names.map((name) => this.has(name)));
    return names.filter((name, index) => own[index] && name.endsWith('.service'));
  }

  /** Whether this agent wrote a unit. */
  has(unit: string): Promise<boolean> {
    return this.#isOwn(join(this.#folder, unit));
  }

  /**
   * Whether a unit that was noted as started is still this agent's to stop: one that it wrote, or
   * one that the init started from the booted root.
   */
  async mayStop(unit: string, state: UnitState | undefined): Promise<boolean> {
    return (await this.has(unit)) || this.#isComposed(state?.FragmentPath ?? '');
  }

  /**
   * Requires that a unit is not the machine's or another agent's. The units of the root that the
   * machine booted are the agent's too.
   *
   * @throws `unit_foreign`
   */
  async requireOwn(unit: string, state: UnitState | undefined): Promise<void> {
    for (const path of new Set([join(this.#folder, unit), state?.FragmentPath ?? ''])) {
      if (path === '' || this.#isComposed(path)) continue;
      const line = await readFirstLine(path);
      if (line === undefined || line === this.#marker) continue;

      throw new GantryError(
        'unit_foreign',
        `Expected no unit ${unit} but this agent's, found ${path}. Remove that one, or rename the service.`,
        { field: unit },
      );
    }
  }

  /** Writes a unit, and returns whether it changed. */
  async write(unit: string, text: string): Promise<boolean> {
    return this.#write(unit, text);
  }

  /**
   * Hides the drop-ins that PID 1's root has for a unit: the text of the agent's unit has those of
   * the new root, and systemd would add the old ones to it. Returns whether that changed anything.
   */
  async hideDropIns(unit: string, state: UnitState | undefined): Promise<boolean> {
    const folder = `${unit}.d`;
    let isChanged = false;
    for (const path of (state?.DropInPaths ?? '').split(' ')) {
      if (!this.#isComposed(path) || basename(dirname(path)) !== folder) continue;
      isChanged = (await this.#write(`${folder}/${basename(path)}`, '')) || isChanged;
    }
    return isChanged;
  }

  /** Removes a unit with what hides its drop-ins. */
  async remove(unit: string): Promise<void> {
    const folder = join(this.#folder, `${unit}.d`);
    const hiding = (await namesIn(folder)).map((name) => join(folder, name));
    for (const path of [join(this.#folder, unit), ...hiding])
      if (await this.#isOwn(path)) await rm(path, { force: true });

    // Another program may have drop-ins in it.
    if (hiding.length > 0) await rmdir(folder).catch(() => undefined);
  }

  async #write(name: string, text: string): Promise<boolean> {
    const path = join(this.#folder, name);
    const bytes = `${this.#marker}\n${text}`;
    if ((await readFile(path, 'utf8').catch(() => undefined)) === bytes) return false;

    await mkdir(dirname(path), { recursive: true });
    await writeAtomic(path, bytes);
    return true;
  }

  #isComposed(path: string): boolean {
    return this.#isBooted && composed.test(path);
  }

  async #isOwn(path: string): Promise<boolean> {
    return (await readFirstLine(path)) === this.#marker;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The first line of a file; undefined where no file is. */
async function readFirstLine(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).split('\n')[0];
  } catch (error) {
    if (['ENOENT', 'EISDIR', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
