import { makeDirectory } from '../mount/held-directory.ts';
import type { ServiceDirectory } from './machine-unit.ts';

interface ServicePlaces {
  /** What the services have as their /run. */
  run: string;
  machineData: string;
}

/**
 * Makes the directories of a service where nothing is yet. Services write beside them, so no link
 * is followed. What is there stays as it is, and what has no parent directory is left out.
 */
export async function makeServiceDirectories(
  places: ServicePlaces,
  directories: readonly ServiceDirectory[],
): Promise<void> {
  for (const directory of directories) {
    const { top, path } = locate(places, directory.path);
    // systemd makes the directories above with the default mode, as root.
    for (const above of ancestors(path)) {
      await makeDirectory(top, { path: above, mode: 0o755, uid: 0, gid: 0 });
    }
    await makeDirectory(top, { ...directory, path });
  }
}

/** `/run` of the services is in memory; other directories are the machine's data. */
function locate({ run, machineData }: ServicePlaces, path: string): { top: string; path: string } {
  return path.startsWith('/run/')
    ? { top: run, path: path.slice('/run'.length) }
    : { top: machineData, path };
}

/** The directories above a path, outermost first, that may be made with it. */
function ancestors(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}
