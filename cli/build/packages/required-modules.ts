import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { GantryError } from '../../../shared/base/error.ts';
import type { BasePlatform } from '../../../shared/domain/modules/index.ts';
import { type ModuleManifest, parseManifest } from '../../../shared/manifest/index.ts';
import {
  type LayerAccounts,
  type LockedAccounts,
  type LockedPackage,
  lockFileName,
  parseLock,
} from '../../../shared/packages/index.ts';

/** A module whose packages are below those of the built module. */
export interface RequiredModule {
  name: string;
  manifest: ModuleManifest;
  /** The tag or digest of a reference; null for a directory, which has no version. */
  version: string | null;
  /** Of a registry's manifest; of a directory, that of its package_spec and locked packages. */
  digest: string;
  /** The packages that its lock or its layer names. */
  locked: LockedPackage[];
  /** Packages whose .deb only the archive knows: those of a module without a lock. */
  specs: string[];
  /** The users and groups of its lock. */
  accounts?: LockedAccounts;
  /** The users and groups of its layer. */
  layer?: LayerAccounts;
  /** True for one that --require names, under whatever name. */
  isGiven?: boolean;
  /** The reference of an artifact whose signature nobody verified. */
  unverified?: string;
}

/** What a build is for. */
export interface Wanted {
  platform: string;
  /** Debian's name of it. */
  architecture: string;
}

/** Reads a module that `--require` names by its registry reference. */
export type ArtifactReader = (reference: string, wanted: Wanted) => Promise<RequiredModule>;

export interface RequiredModulesInput {
  directory: string;
  manifest: ModuleManifest;
  platform: string;
  base: Pick<BasePlatform, 'architecture'>;
  /** `--require <module>=<directory or reference>`. */
  given: ReadonlyMap<string, string>;
  readArtifact?: ArtifactReader | undefined;
}

/**
 * Finds the required modules, and theirs, in the places that are given and beside the module. A
 * requirement of a capability is met by a module whose manifest provides it.
 * @throws GantryError `required_module_missing`, `ModuleManifestSchemaError`, `lock_invalid`
 */
export async function findRequiredModules(input: RequiredModulesInput): Promise<RequiredModule[]> {
  const known = await readSiblings(input);
  const found = new Map<string, RequiredModule>();
  const missing: string[] = [];
  const waiting = [...input.manifest.dependencies.requires];

  for (let requirement = waiting.pop(); requirement !== undefined; requirement = waiting.pop()) {
    const wanted = wantedName(requirement);
    const one = known.find(({ manifest }) => satisfies(manifest, wanted));
    if (one === undefined) missing.push(requirement);
    else if (!found.has(one.name)) {
      found.set(one.name, one);
      waiting.push(...one.manifest.dependencies.requires);
    }
  }

  if (missing.length > 0) throw missingError(missing, input.directory);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `powernode/base@^1` → `base`, `capability:http.server@1` → `capability:http.server`. */
function wantedName(requirement: string): string {
  const name = requirement.replace(/@.*$/s, '');
  return name.startsWith('capability:') ? name : name.slice(name.indexOf('/') + 1).toLowerCase();
}

function satisfies(manifest: ModuleManifest, wanted: string): boolean {
  const capability = wanted.replace(/^capability:/, '');
  if (capability === wanted && manifest.name === wanted) return true;
  return manifest.dependencies.provides.some((tag) => tag.replace(/@.*$/s, '') === capability);
}

async function readSiblings(input: RequiredModulesInput): Promise<RequiredModule[]> {
  const own = resolve(input.directory);
  const parent = dirname(own);
  const names = await readdir(parent, { withFileTypes: true });
  const siblings = names
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(parent, name))
    .filter((directory) => directory !== own);

  const given: RequiredModule[] = [];
  for (const [name, place] of input.given) given.push(await readGiven(name, place, input));

  const beside = await Promise.all(
    siblings.map((directory) => readModule(directory, input.platform).catch(() => undefined)),
  );
  return [...given, ...beside.filter((one) => one !== undefined)];
}

async function readGiven(
  name: string,
  place: string,
  { platform, base, readArtifact }: RequiredModulesInput,
): Promise<RequiredModule> {
  const module =
    isReference(place) && readArtifact !== undefined
      ? await readArtifact(place, { platform, architecture: base.architecture })
      : await readModule(resolve(place), platform);
  if (module !== undefined && satisfies(module.manifest, wantedName(name)))
    return { ...module, isGiven: true };

  const hint = module === undefined ? ' (a registry reference ends with its tag or digest)' : '';
  const message = `expected the module ${name} in ${place}, found ${module?.name ?? 'no manifest.yaml'}${hint}`;
  throw new GantryError('required_module_missing', message, { field: name, found: place });
}

/** True for a place with a tag or digest, unless it starts as a path does. */
export function isReference(place: string): boolean {
  return !/^[./~]/.test(place) && /(?::[^/]+|@sha256:[0-9a-f]+)$/.test(place);
}

async function readModule(
  directory: string,
  platform: string,
): Promise<RequiredModule | undefined> {
  const text = await readOptional(join(directory, 'manifest.yaml'));
  if (text === undefined) return undefined;

  const { manifest } = parseManifest(text);
  const lockPath = join(directory, lockFileName);
  const lockText = await readOptional(lockPath);
  const locked =
    lockText === undefined ? undefined : parseLock(lockText, lockPath).platforms[platform];
  const hash = createHash('sha256')
    .update(JSON.stringify(manifest.package_spec))
    .update(JSON.stringify(locked?.packages ?? []));

  return {
    name: manifest.name,
    manifest,
    version: null,
    digest: `sha256:${hash.digest('hex')}`,
    locked: locked?.packages ?? [],
    specs: locked === undefined ? manifest.package_spec : [],
    ...(locked === undefined ? {} : { accounts: locked.accounts }),
  };
}

/** Reads a text file; undefined if it is not there. */
export async function readOptional(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw new GantryError('io_error', `${path} cannot be read: ${error.message}`, { cause: error });
  });
}

function missingError(missing: readonly string[], directory: string): GantryError {
  const list = missing.join(', ');
  const message = `expected the required modules beside ${resolve(directory)}, found none for ${list}; give each with --require <module>=<directory>, or =<registry reference>`;
  return new GantryError('required_module_missing', message, {
    field: 'dependencies',
    found: missing,
  });
}
