import { spawn } from 'node:child_process';
import { z } from 'zod';
import { cutText } from '../../shared/base/cut-text.ts';
import { GantryError } from '../../shared/base/error.ts';
import type { Credentials } from '../../shared/registry/index.ts';

const helperResponse = z.looseObject({ Username: z.string(), Secret: z.string() });

/** How long a credential helper may take, with time for the password prompt of a key ring. */
const helperMs = 60_000;

/**
 * Runs a docker-credential-helper: the server's name goes to stdin, JSON or a message comes from
 * stdout.
 * @param helper the end of the program's name, as configurations name it
 * @returns null when the helper has no credentials for the server
 * @throws GantryError `io_error` when it fails in another way: a push must not continue as nobody
 */
export async function askHelper(
  helper: string,
  server: string,
  env: NodeJS.ProcessEnv,
): Promise<Credentials | null> {
  if (!/^[A-Za-z0-9._-]+$/.test(helper))
    throw new GantryError('io_error', `"${helper}" is no credential helper`);

  const program = `docker-credential-${helper}`;
  const { status, output } = await runHelper(program, server, env);
  if (status === 0) return parseResponse(program, output);
  if (/not found|no credentials/i.test(output)) return null;

  const found =
    status === null ? `no response within ${helperMs / 1000} s` : cutText(output.trim(), 200);
  throw new GantryError(
    'io_error',
    `expected ${program} to give the credentials for ${server}, found ${found || `exit code ${status}`}; log in again`,
    { found },
  );
}

function runHelper(
  program: string,
  server: string,
  env: NodeJS.ProcessEnv,
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
      env,
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: helperMs,
    });

    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    child.on('error', (cause) =>
      reject(new GantryError('io_error', `${program} cannot be started`, { cause })),
    );
    child.on('close', (status) => resolve({ status, output }));

    child.stdin.on('error', () => {});
    child.stdin.end(server);
  });
}

/**
 * Returns null for a user without a name and a secret: some helpers say so that they have none. The
 * error has no cause: a parser's message quotes what it parsed.
 */
function parseResponse(program: string, output: string): Credentials | null {
  const parsed = helperResponse.safeParse(parseJson(output));
  if (!parsed.success)
    throw new GantryError('io_error', `expected a response of ${program}, found another text`);

  const { Username, Secret } = parsed.data;
  if (Username === '' && Secret === '') return null;

  // docker-credential-helpers: this user name means that the secret is an identity token.
  return Username === '<token>'
    ? { identityToken: Secret }
    : { username: Username, password: Secret };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
