import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { GantryError } from '../../../shared/base/error.ts';
import { type ModuleManifest, parseManifest } from '../../../shared/manifest/index.ts';
import { type LockSection, lockFileName, parseLock } from '../../../shared/packages/index.ts';

/** A module whose packages the built module finds on the machine. */
export interface RequiredModule {
  name: string;
  directory: string;
  manifest: ModuleManifest;
  /** What its own build installs on this platform; undefined without a lock. */
  locked: LockSection | undefined;
  /** `sha256:<hex>` of its package_spec and its locked packages. */
  digest: string;
}

export interface RequiredModulesInput {
  directory: string;
  manifest: ModuleManifest;
  platform: string;
  /** `--require <module>=<directory>`. */
  given: ReadonlyMap<string, string>;
}

/**
 * Finds the required modules, and theirs, in the directories that are given and beside the module.
 * A requirement of a capability is met by a directory whose manifest provides it.
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

  const given = await Promise.all(
    [...input.given].map(async ([name, directory]) => {
      const module = await readModule(resolve(directory), input.platform);
      if (module !== undefined && satisfies(module.manifest, wantedName(name))) return module;
      const message = `expected the module ${name} in ${directory}, found ${module?.name ?? 'no manifest.yaml'}`;
      throw new GantryError('required_module_missing', message, { field: name, found: directory });
    }),
  );

  const beside = await Promise.all(
    siblings.map((directory) => readModule(directory, input.platform).catch(() => undefined)),
  );
  return [...given, ...beside.filter((one) => one !== undefined)];
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
    directory,
    manifest,
    locked,
    digest: `sha256:${hash.digest('hex')}`,
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
  const message = `expected the required modules beside ${resolve(directory)}, found none for ${list}; give each with --require <module>=<directory>`;
  return new GantryError('required_module_missing', message, {
    field: 'dependencies',
    found: missing,
  });
}
