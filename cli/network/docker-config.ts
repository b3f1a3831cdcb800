import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { canonicalHost } from '../../shared/domain/registries/index.ts';
import type { Credentials, Reference } from '../../shared/registry/index.ts';
import { askHelper } from './credential-helper.ts';

const text = z.string().nullish();
const entrySchema = z.looseObject({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
});
type Entry = z.infer<typeof entrySchema>;

const configSchema = z.looseObject({
  auths: z.record(z.string(), entrySchema.nullish()).nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
  credsStore: text,
});

/** A configuration, and how errors name its source. */
interface Config extends z.infer<typeof configSchema> {
  source: string;
}

type Repository = Pick<Reference, 'host' | 'repository'>;

/**
 * Reads the credentials that docker, podman, oras or crane stored for a repository. Returns null
 * without any. The first source with credentials counts: `DOCKER_AUTH_CONFIG` (docker), the file
 * `REGISTRY_AUTH_FILE` (skopeo) or else docker's and podman's own files.
 * @throws GantryError `io_error` when a source is invalid or a helper fails
 */
export async function readDockerCredentials(
  repository: Repository,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Credentials | null> {
  if (env.DOCKER_AUTH_CONFIG) {
    const config = parseConfig(env.DOCKER_AUTH_CONFIG, 'DOCKER_AUTH_CONFIG');
    const found = await findCredentials(config, repository, env);
    if (found !== null) return found;
  }

  for (const path of listFiles(env)) {
    const content = await readConfigFile(path, { required: path === env.REGISTRY_AUTH_FILE });
    if (content === null) continue;

    const found = await findCredentials(parseConfig(content, path), repository, env);
    if (found !== null) return found;
  }

  return null;
}

/** Lists docker's file and those of containers-auth.json(5), unless one file is named. */
function listFiles(env: NodeJS.ProcessEnv): string[] {
  if (env.REGISTRY_AUTH_FILE) return [env.REGISTRY_AUTH_FILE];

  const home = env.HOME || homedir();
  const runtime = env.XDG_RUNTIME_DIR || `/run/containers/${process.getuid?.() ?? 0}`;
  return [
    join(env.DOCKER_CONFIG || join(home, '.docker'), 'config.json'),
    join(runtime, 'containers/auth.json'),
    join(env.XDG_CONFIG_HOME || join(home, '.config'), 'containers/auth.json'),
  ];
}

async function readConfigFile(
  path: string,
  { required }: { required: boolean },
): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (!required && (code === 'ENOENT' || code === 'ENOTDIR')) return null;
    throw new GantryError('io_error', `${path} cannot be read`, { cause });
  }
}

/** The error has no cause: a parser's message quotes what it parsed. */
function parseConfig(content: string, source: string): Config {
  try {
    // An empty file has no credentials, as for docker.
    const config = content.trim() === '' ? {} : JSON.parse(content);
    return { ...configSchema.parse(config), source };
  } catch {
    throw new GantryError('io_error', `expected ${source} to be a Docker configuration`);
  }
}

async function findCredentials(
  config: Config,
  { host, repository }: Repository,
  env: NodeJS.ProcessEnv,
): Promise<Credentials | null> {
  const entries = listEntries(config, { host, repository });
  const helper = findHelper(config, host);

  if (helper) {
    const keys = entries.filter(({ scope }) => scope === host).map(({ key }) => key);
    for (const server of new Set([...keys, ...listServerNames(host)])) {
      const found = await askHelper(helper, server, env);
      if (found !== null) return found;
    }
  }

  for (const { key, entry } of entries) {
    const found = readEntry(entry, `${config.source} for ${key}`);
    if (found !== null) return found;
  }

  return null;
}

/** Lists the entries for a repository, those of the most specific namespace first. */
function listEntries({ auths }: Config, { host, repository }: Repository) {
  const name = `${host}/${repository}/`;
  const isPlain = ({ key, scope }: { key: string; scope: string }) => Number(key === scope);

  return Object.entries(auths ?? {})
    .map(([key, entry]) => ({ key, entry: entry ?? {}, scope: parseKey(key) ?? '' }))
    .filter(({ scope }) => name.startsWith(`${scope}/`))
    .toSorted((a, b) => b.scope.length - a.scope.length || isPlain(b) - isPlain(a));
}

/** An empty name means that the host's credentials are in the file. */
function findHelper({ credHelpers, credsStore }: Config, host: string): string | null | undefined {
  const [own] = Object.entries(credHelpers ?? {}).filter(([key]) => parseKey(key) === host);
  return own === undefined ? credsStore : own[1];
}

/**
 * Returns what a key stands for: a host, or a host with a namespace (containers-auth.json(5)).
 * Tools also write the scheme and the path of the registry's API, such as
 * `https://index.docker.io/v1/`.
 */
function parseKey(key: string): string | null {
  const [, scheme, written = '', path = ''] = /^(https?:\/\/)?([^/]*)\/?(.*?)\/*$/i.exec(key) ?? [];
  const host = canonicalHost(written);
  const isWholeHost = scheme !== undefined || /^(?:v[12])?$/.test(path);

  return host === null || isWholeHost ? host : `${host}/${path}`;
}

/** Lists the names under which tools store the credentials of a host in a helper. */
function listServerNames(host: string): string[] {
  return host === 'docker.io'
    ? ['https://index.docker.io/v1/', host]
    : [host, `https://${host}`, `https://${host}/v2/`, `https://${host}/v1/`];
}

/** Returns null for an entry without credentials: docker writes one for each host of a helper. */
function readEntry(entry: Entry, where: string): Credentials | null {
  const { auth, username, password, identitytoken, registrytoken } = entry;
  if (registrytoken) return { registryToken: registrytoken };
  if (identitytoken) return { identityToken: identitytoken };
  if (auth) return decodeAuth(auth, where);
  if (username && password) return { username, password };
  if (!username && !password) return null;

  const [held, missing] = username ? ['user name', 'password'] : ['password', 'user name'];
  throw new GantryError('io_error', `${where} holds a ${held} without a ${missing}; log in again`);
}

function decodeAuth(auth: string, where: string): Credentials {
  const decoded = Buffer.from(auth, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 0)
    throw new GantryError('io_error', `${where} holds no "user:password"; log in again`);

  // Docker drops these as well: old versions padded the text.
  const password = decoded.slice(colon + 1).replace(/^\0+|\0+$/g, '');
  return { username: decoded.slice(0, colon), password };
}
