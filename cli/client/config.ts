import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { sayNearest } from '../../shared/base/nearest.ts';

/** The URL of a control plane and the token for it. */
export interface Connection {
  url: string;
  token: string;
}

/** A connection that `gantry login` saved under a name. */
export interface Context extends Connection {
  name: string;
  /** The slug of the account; absent in a file of an earlier build. */
  account?: string;
}

/** What the configuration file holds. */
export interface Contexts {
  /** The name of the context that commands use by default. */
  current: string | null;
  contexts: Context[];
}

/** The context of a login without a name. */
export const defaultContext = 'default';

export function configFile(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.XDG_CONFIG_HOME || join(homedir(), '.config'), 'gantry', 'config.json');
}

/**
 * Returns the connection of GANTRY_CONTEXT, or of the current context. GANTRY_URL and GANTRY_TOKEN
 * override it. A saved token is only sent to the URL that it was saved with.
 */
export async function readConnection(
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Connection> {
  const named = environment.GANTRY_CONTEXT;
  const { current, contexts } = await readContexts(environment);
  const kept = named
    ? requireContext(contexts, named)
    : contexts.find(({ name }) => name === current);

  const url = environment.GANTRY_URL || kept?.url;
  const token = environment.GANTRY_TOKEN || (url === kept?.url ? kept?.token : undefined);

  if (url === undefined || token === undefined) {
    const missing = url === undefined ? 'the URL of a control plane' : `a token for ${url}`;
    throw new GantryError('usage', `expected ${missing}, found none; ${wayToConnect(contexts)}`);
  }

  return { url: url.replace(/\/+$/, ''), token };
}

function wayToConnect(contexts: readonly Context[]): string {
  if (contexts.length > 0)
    return `run "gantry context use <name>" with one of ${namesOf(contexts)}, or "gantry login"`;
  return 'run "gantry login --url <url>", or set GANTRY_URL and GANTRY_TOKEN';
}

/** @throws GantryError `not_found`, with the names of those that exist */
export function requireContext(contexts: readonly Context[], named: string): Context {
  const found = contexts.find(({ name }) => name === named);
  if (found !== undefined) return found;

  const known = sayNearest(
    named,
    contexts.map(({ name }) => name),
  );
  throw new GantryError(
    'not_found',
    `expected a saved context, found "${named}"; ${known}, and "gantry login" saves one`,
  );
}

function namesOf(contexts: readonly Context[]): string {
  return contexts.map(({ name }) => name).join(', ');
}

/** Returns the saved contexts; none if there is no file yet. */
export async function readContexts(
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Contexts> {
  const file = configFile(environment);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw new GantryError('io_error', `expected to read ${file}: ${error.message}`);
  });

  return text === null ? { current: null, contexts: [] } : parseContexts(text, file);
}

/** Saves the contexts in a file that only its owner can read. Returns the path. */
export async function saveContexts(saved: Contexts): Promise<string> {
  const file = configFile();
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });

  const next = `${file}.${process.pid}`;
  await writeFile(next, `${JSON.stringify(saved, null, 2)}\n`, { mode: 0o600 });
  await rename(next, file);

  return file;
}

/** Returns the contexts with another one, which becomes the current one. */
export function addContext({ contexts }: Contexts, added: Context): Contexts {
  const others = contexts.filter(({ name }) => name !== added.name);
  const sorted = [...others, added].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { current: added.name, contexts: sorted };
}

/** Returns the contexts without one. None is current if that one was. */
export function removeContext({ current, contexts }: Contexts, removed: string): Contexts {
  return {
    current: current === removed ? null : current,
    contexts: contexts.filter(({ name }) => name !== removed),
  };
}

const connectionSchema = z.object({ url: z.string(), token: z.string() });

const contextsSchema = z.object({
  current: z.string().nullable(),
  contexts: z.array(
    connectionSchema.extend({ name: z.string(), account: z.string().exactOptional() }),
  ),
});

/** A file of an earlier build holds one connection without a name. */
const fileSchema = z.union([
  contextsSchema,
  connectionSchema.transform(
    (only): Contexts =>
      addContext({ current: null, contexts: [] }, { name: defaultContext, ...only }),
  ),
]);

function parseContexts(text: string, file: string): Contexts {
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new GantryError(
      'io_error',
      `expected contexts as JSON in ${file}, found another content; delete the file and log in again`,
      { cause },
    );
  }
}
