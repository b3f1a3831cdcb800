import { GantryError, isGantryError } from '../base/error.ts';
import { capabilityXattr, encodeCapabilities } from './capability.ts';

/** What `rootfs.attrs` states for one path. */
export interface PathAttributes {
  path: string;
  mode: number | undefined;
  /** A name or a number; undefined for root. */
  owner: string | undefined;
  group: string | undefined;
  xattrs: Record<string, string> | undefined;
  line: number;
}

export const attributesFileName = 'rootfs.attrs';

/**
 * Parses `rootfs.attrs`: a path, its mode in octal, owner, group and capabilities on each line,
 * separated by blanks, `-` for a field that stays. `#` starts a comment line. A path with blanks is
 * written as a JSON string.
 * @throws GantryError `attributes_invalid` with every problem
 */
export function parseAttributes(text: string): PathAttributes[] {
  const problems: string[] = [];
  const seen = new Map<string, number>();

  const rows = text.split('\n').flatMap((line, index): PathAttributes[] => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return [];
    try {
      const row = parseLine(trimmed, index + 1);
      const earlier = seen.get(row.path);
      if (earlier !== undefined) throw invalid(`${row.path} stands in line ${earlier} already`);
      seen.set(row.path, index + 1);
      return [row];
    } catch (error) {
      if (!isGantryError(error)) throw error;
      problems.push(`line ${index + 1}: ${error.message}`);
      return [];
    }
  });

  if (problems.length === 0) return rows;
  throw new GantryError('attributes_invalid', `${attributesFileName}, ${problems.join('; ')}`, {
    details: problems,
  });
}

function parseLine(text: string, line: number): PathAttributes {
  const [, quotedPath, plainPath = '', rest = ''] =
    /^(?:("(?:[^"\\]|\\.)*")|(\S+))(.*)$/.exec(text) ?? [];
  const path = quotedPath === undefined ? plainPath : unquote(quotedPath);
  if (!/^\/./.test(path) || path.split('/').some((part) => part === '.' || part === '..'))
    throw invalid(`expected an absolute path, found ${JSON.stringify(path)}`);

  const fields = rest.split(/\s+/).filter((field) => field !== '');
  if (fields.length > 4)
    throw invalid(`expected a path and up to four fields, found ${fields.length}`);

  const [mode, owner, group, capabilities] = fields.map((field) =>
    field === '-' ? undefined : field,
  );
  return {
    path: path.replace(/\/$/, ''),
    mode: mode === undefined ? undefined : parseMode(mode),
    owner: checkedName(owner),
    group: checkedName(group),
    xattrs:
      capabilities === undefined
        ? undefined
        : { [capabilityXattr]: encodeCapabilities(capabilities) },
    line,
  };
}

function parseMode(text: string): number {
  if (/^[0-7]{3,4}$/.test(text)) return Number.parseInt(text, 8);
  throw invalid(`expected a mode such as 0640, found ${JSON.stringify(text)}`);
}

function checkedName(name: string | undefined): string | undefined {
  if (name === undefined || /^(?:[a-z_][a-z0-9_-]*|[0-9]{1,9})$/i.test(name)) return name;
  throw invalid(`expected the name or number of a user or group, found ${JSON.stringify(name)}`);
}

function unquote(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch (error) {
    throw new GantryError('attributes_invalid', `expected a JSON string, found ${text}`, {
      cause: error,
    });
  }
}

function invalid(message: string): GantryError {
  return new GantryError('attributes_invalid', message);
}
