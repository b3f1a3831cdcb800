import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import { errnoOf } from '../failure.ts';

/** An entry, and where it is on the disk. */
export interface PlacedEntry {
  entry: Pick<TreeEntry, 'xattrs'>;
  path: string;
}

/** Paths of one call: far below the limit of a command line. */
const pathsAtATime = 200;

/**
 * Sets the extended attributes of entries by setfattr(1), because Node cannot. A machine may lack
 * that program, a user the right, or a file system the kind: `findLackingAttributes` says so.
 */
export async function setExtendedAttributes(placed: readonly PlacedEntry[]): Promise<void> {
  const dump = placed
    .filter(hasAttributes)
    .map(({ path, entry }) => [`# file: ${escapeName(path)}`, ...linesOf(entry), ''].join('\n'))
    .join('\n');

  if (dump !== '') await runAttributes('setfattr', ['-h', '--restore=-'], `${dump}\n`);
}

/** The names of the attributes that entries lack on the disk; all where getfattr(1) is missing. */
export async function findLackingAttributes(placed: readonly PlacedEntry[]): Promise<string[][]> {
  const expected = placed.filter(hasAttributes);
  const found = new Map<string, Set<string>>();

  for (let at = 0; at < expected.length; at += pathsAtATime) {
    const paths = expected.slice(at, at + pathsAtATime).map(({ path }) => path);
    const options = ['--absolute-names', '-h', '-d', '-m', '-', '-e', 'base64', '--'];
    const dump = (await runAttributes('getfattr', [...options, ...paths])) ?? '';

    for (const file of dump.split('\n\n')) {
      const [header = '', ...lines] = file.split('\n');
      found.set(header, new Set(lines));
    }
  }

  return expected
    .map(({ path, entry }) => {
      const lines = found.get(`# file: ${escapeName(path)}`);
      return linesOf(entry).filter((line) => lines?.has(line) !== true);
    })
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => line.replace(/=.*/s, '')));
}

function hasAttributes({ entry }: PlacedEntry): boolean {
  return Object.keys(entry.xattrs ?? {}).length > 0;
}

/** Base64 has the prefix 0s (getfattr(1)). */
function linesOf({ xattrs = {} }: PlacedEntry['entry']): string[] {
  return Object.entries(xattrs).map(([name, value]) => `${escapeName(name)}=0s${value}`);
}

/** Both programs write these characters as `\` and three octal digits. */
function escapeName(name: string): string {
  return name.replace(
    /[\\\n\r]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}

/**
 * Runs a program of the package attr, and returns what it printed. What it could not do it leaves
 * out. Undefined where the machine lacks it.
 */
async function runAttributes(
  program: string,
  args: readonly string[],
  input = '',
): Promise<string | undefined> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  // It may end before it has read everything.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);

  try {
    const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return output;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
