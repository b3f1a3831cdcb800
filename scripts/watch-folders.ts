import { existsSync, type FSWatcher, readdirSync, watch } from 'node:fs';
import { join, relative } from 'node:path';

/** Editors write a file in several steps, and a checkout writes many files. */
const quietMs = 60;

/**
 * Calls `onChange` with the files that changed below the folders, once they have been quiet. A call
 * is finished before the next one starts.
 *
 * Each folder is watched separately, because Node's recursive watch loses a file that was replaced
 * by a new one of the same name.
 *
 * @returns a function that ends the watch
 */
export function watchFolders(
  root: string,
  folders: readonly string[],
  onChange: (files: string[]) => Promise<void>,
): () => void {
  const watchers = new Map<string, FSWatcher>();
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  const report = () => {
    running = running.then(async () => {
      const files = [...changed].sort();
      changed.clear();

      // Editors write a temporary file and rename it: it is named only when nothing else changed.
      const present = files.filter((file) => existsSync(join(root, file)));
      if (files.length > 0) await onChange(present.length > 0 ? present : files);
    });
  };

  const follow = (folder: string) => {
    if (watchers.has(folder)) return;

    const watcher = watch(folder, (_event, file) => {
      if (file === null) return;

      for (const inner of listFolders(join(folder, file))) follow(inner);
      changed.add(relative(root, join(folder, file)));
      clearTimeout(timer);
      timer = setTimeout(report, quietMs);
    });

    // The folder was deleted.
    watcher.on('error', () => {
      watcher.close();
      watchers.delete(folder);
    });
    watchers.set(folder, watcher);
  };

  for (const folder of folders) {
    for (const inner of listFolders(join(root, folder))) follow(inner);
  }

  return () => {
    clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
  };
}

/** The folder and all folders below it; none where there is a file or nothing. */
function listFolders(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    const inner = entries.filter((entry) => entry.isDirectory());
    return [folder, ...inner.flatMap(({ name }) => listFolders(join(folder, name)))];
  } catch {
    return [];
  }
}
