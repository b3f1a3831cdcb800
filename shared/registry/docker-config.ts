import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { GantryError } from '../base/error.ts';
import type { Credentials } from './auth.ts';

const config = z.looseObject({
  auths: z
    .record(
      z.string(),
      z.looseObject({ auth: z.string().optional(), identitytoken: z.string().optional() }),
    )
    .optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});

const helperResponse = z.looseObject({ Username: z.string(), Secret: z.string() });

/** How long a credential helper may take, with time for the password prompt of a key ring. */
const helperMs = 60_000;

/**
 * Reads the credentials that `docker login` (or oras, cosign, crane) stored for a registry host.
 * Returns null without any. Reads `$DOCKER_CONFIG/config.json` or else `~/.docker/config.json`:
 * `credHelpers`, `credsStore`, `auths`.
 * @throws GantryError `io_error` when the file is invalid or a helper fails
 */
export async function readDockerCredentials(
  host: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Credentials | null> {
  const path = join(env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'), 'config.json');
  const text = await readIfPresent(path);
  if (text === null) return null;

  const { auths, credHelpers, credsStore } = parse(
    config,
    text,
    `${path} to be a Docker configuration`,
  );

  for (const name of listStoredNames(host)) {
    const helper = credHelpers?.[name] ?? credsStore;
    const found = helper === undefined ? null : await askHelper(helper, name, env);
    if (found) return found;

    const { auth, identitytoken } = auths?.[name] ?? {};
    if (identitytoken) return { identityToken: identitytoken };
    if (auth) return decodeAuth(auth, path, name);
  }

  return null;
}

/** Lists the names under which tools store the credentials of a host. */
function listStoredNames(host: string): string[] {
  return host === 'docker.io'
    ? ['https://index.docker.io/v1/', host]
    : [host, `https://${host}`, `https://${host}/v2/`, `https://${host}/v1/`];
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new GantryError('io_error', `${path} cannot be read`, { cause: error });
  }
}

function decodeAuth(auth: string, path: string, name: string): Credentials {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw new GantryError('io_error', `${path} holds no "user:password" for ${name}`);
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * Runs a docker-credential-helper: the server's name goes to stdin, JSON comes from stdout, status
 * 1 means "none".
 */
function askHelper(
  helper: string,
  name: string,
  env: NodeJS.ProcessEnv,
): Promise<Credentials | null> {
  const program = `docker-credential-${helper}`;
  if (!/^[A-Za-z0-9._-]+$/.test(helper))
    throw new GantryError('io_error', `"${helper}" is no credential helper`);

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

    child.on('close', (status) => {
      if (status !== 0) return resolve(null);
      try {
        const { Username, Secret } = parse(helperResponse, output, `a response of ${program}`);
        // docker-credential-helpers: this user name means that the secret is an identity token.
        resolve(
          Username === '<token>'
            ? { identityToken: Secret }
            : { username: Username, password: Secret },
        );
      } catch (error) {
        reject(error);
      }
    });

    child.stdin.on('error', () => {});
    child.stdin.end(name);
  });
}

function parse<T extends z.ZodType>(schema: T, text: string, expectation: string): z.output<T> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new GantryError('io_error', `expected ${expectation}`, { cause });
  }
}
