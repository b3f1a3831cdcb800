import { compareBytes, type TreeEntry } from '../domain/files/index.ts';
import type { ReadContent, UnitInput } from './input.ts';
import type { Drawing } from './root.ts';

/** Where dpkg looks. It is below /var, which belongs to the machine and outlives a root. */
export const dpkgDirectory = '/var/lib/dpkg';

/** Where its database is instead: in the root, so that it says what the root has. */
export const dpkgImage = '/usr/lib/sysimage/dpkg';

/** Where builds record each of their packages. */
export const packageRecords = `${dpkgDirectory}/status.d/`;
const status = `${dpkgDirectory}/status`;

export function isPackageRecord(path: string): boolean {
  return path === status || path.startsWith(packageRecords);
}

/**
 * Moves dpkg's database out of /var, and makes one status file of what layers record of their
 * packages. The link at /var/lib/dpkg leads to it.
 */
export function addPackages({ entries }: UnitInput, contents: ReadContent, drawing: Drawing): void {
  const recorded = entries.filter(({ path, type }) => type === 'file' && isPackageRecord(path));
  if (recorded.length === 0) return;

  const moved = entries.filter(({ path }) => path.startsWith(`${dpkgDirectory}/`));
  for (const { path } of [...moved, { path: dpkgDirectory }]) drawing.remove(path);

  for (const entry of moved) {
    if (!isPackageRecord(entry.path)) drawing.addCopy(movedPath(entry), entry);
  }

  const text = formatStatus(recorded.map(({ path }) => Buffer.from(contents(path)).toString()));
  drawing.addFile(`${dpkgImage}/status`, text, { mode: 0o644 });
  // dpkg reports an error for a database without these.
  for (const name of ['available', 'diversions', 'statoverride'])
    if (!drawing.has(`${dpkgImage}/${name}`))
      drawing.addFile(`${dpkgImage}/${name}`, '', { mode: 0o644 });
  for (const name of ['info', 'updates', 'triggers']) drawing.addDirectory(`${dpkgImage}/${name}`);
  drawing.addLink(dpkgDirectory, dpkgImage);
}

function movedPath({ path }: TreeEntry): string {
  return `${dpkgImage}${path.slice(dpkgDirectory.length)}`;
}

/** One paragraph a package, sorted. Of several about one package, the last counts. */
function formatStatus(texts: readonly string[]): string {
  const paragraphs = texts.flatMap((text) => text.split(/\n(?:[ \t]*\n)+/));
  const byPackage = new Map(
    paragraphs.map((paragraph) => [
      `${fieldOf(paragraph, 'Package')}:${fieldOf(paragraph, 'Architecture')}`,
      paragraph.trim(),
    ]),
  );

  return [...byPackage]
    .filter(([name]) => name !== ':')
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([, paragraph]) => `${paragraph}\n\n`)
    .join('');
}

function fieldOf(paragraph: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(paragraph)?.[1]?.trim() ?? '';
}
