import type { TreeEntry } from '../domain/files/index.ts';
import { dpkgDirectory, dpkgImage } from './dpkg.ts';
import type { UnitInput } from './input.ts';
import { tmpfilesPath } from './names.ts';
import { escapeArgument, quoteWord } from './quote.ts';
import type { Drawing, Root } from './root.ts';
import type { RootUser } from './services.ts';

/** Where systemd-tmpfiles takes what a machine lacks (tmpfiles.d(5), "C"). */
const factory = '/usr/share/factory';

/** Only a machine that boots from the root copies from the factory; the agent lays out others. */
const tmpfilesCommand = '/usr/bin/systemd-tmpfiles';

/**
 * Repeats what layers ship below /var in the factory, and has systemd-tmpfiles copy each path that
 * a machine lacks. What is there stays as it is: /var is the machine's own. Homes of declared users
 * below /var are made too.
 */
export function addShippedData(
  { entries, layers }: UnitInput,
  users: ReadonlyMap<string, RootUser>,
  { root, drawing }: { root: Root; drawing: Drawing },
): void {
  if (root.resolve(tmpfilesCommand) === null) return;
  const isDpkgMoved = drawing.removed.has(dpkgDirectory);
  const shipped = entries.filter(
    ({ path }) => path.startsWith('/var/') && !drawing.removed.has(path),
  );
  for (const entry of shipped) drawing.addCopy(`${factory}${entry.path}`, entry);

  const declared = layers.flatMap(({ manifest }) => manifest.users ?? []);
  const lines = [
    ...shipped.map(copyLine),
    ...(isDpkgMoved ? [`L ${dpkgDirectory} - - - - ${dpkgImage}`] : []),
    ...declared.flatMap(({ name, home = '' }) => homeLine(home, users.get(name), root)),
  ];
  if (lines.length === 0) return;

  const text = `# Made by Gantry. Changes are lost.\n${[...new Set(lines)].join('\n')}\n`;
  drawing.addFile(tmpfilesPath, text, { mode: 0o644 });
}

function copyLine({ path, type, target = '' }: TreeEntry): string {
  if (type === 'symlink') return `L ${quoteWord(path)} - - - - ${escapeArgument(target)}`;
  return `C ${quoteWord(path)} - - - -`;
}

/** ":" keeps the mode and owner of a home that is there. */
function homeLine(home: string, user: RootUser | undefined, root: Root): string[] {
  const isOwn = home.startsWith('/var/') && !/(?:^|\/)\.\.?(?:\/|$)/.test(home);
  if (!isOwn || user === undefined || root.get(home) !== undefined) return [];
  return [`d ${quoteWord(home)} :0750 :${user.uid} :${user.gid} - -`];
}
