import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';

/** The URL of a control plane and the token for it. */
export interface Connection {
  url: string;
  token: string;
}

export function configFile(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.XDG_CONFIG_HOME || join(homedir(), '.config'), 'gantry', 'config.json');
}

/**
 * Reads the connection that `gantry login` saved. GANTRY_URL and GANTRY_TOKEN override it. A saved
 * token is only sent to the URL that it was saved with.
 */
export async function readConnection(
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Connection> {
  const kept: Partial<Connection> = await readFile(configFile(environment), 'utf8').then(
    parse,
    () => ({}),
  );
  const url = environment.GANTRY_URL || kept.url;
  const token = environment.GANTRY_TOKEN || (url === kept.url ? kept.token : undefined);

  if (url === undefined || token === undefined) {
    const missing = url === undefined ? 'the URL of a control plane' : `a token for ${url}`;
    throw new GantryError(
      'usage',
      `expected ${missing}; run "gantry login --url <url>", or set GANTRY_URL and GANTRY_TOKEN`,
    );
  }

  return { url: url.replace(/\/+$/, ''), token };
}

/** Saves a connection in a file that only its owner can read. Returns the path. */
export async function saveConnection(connection: Connection): Promise<string> {
  const file = configFile();
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });

  const next = `${file}.${process.pid}`;
  await writeFile(next, `${JSON.stringify(connection, null, 2)}\n`, { mode: 0o600 });
  await rename(next, file);

  return file;
}

const keptSchema = z.object({ url: z.string().exactOptional(), token: z.string().exactOptional() });

function parse(text: string): Partial<Connection> {
  try {
    return keptSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new GantryError(
      'io_error',
      `expected {url, token} as JSON in ${configFile()}; run "gantry login" again`,
      {
        cause,
      },
    );
  }
}
