import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError, isGantryError } from '../../../shared/base/error.ts';
import { compareBytes } from '../../../shared/domain/files/index.ts';
import type { BasePlatform } from '../../../shared/domain/modules/index.ts';
import type { ModuleManifest } from '../../../shared/manifest/index.ts';
import {
  accountsOfLayers,
  compareDebianVersions,
  type LockedAccounts,
  type LockedModule,
  type LockedPackage,
  type LockSection,
  lockMismatch,
  packageKey,
  parseStanzas,
  type Stanza,
  startingAccounts,
} from '../../../shared/packages/index.ts';
import { Archive } from './archive.ts';
import type { DebCache, DebSource } from './deb-cache.ts';
import {
  type ArtifactReader,
  findRequiredModules,
  type RequiredModule,
} from './required-modules.ts';

export interface LockInput {
  directory: string;
  manifest: ModuleManifest;
  platform: string;
  base: BasePlatform;
  given: ReadonlyMap<string, string>;
  readArtifact: ArtifactReader | undefined;
  /** The section of the lock file; undefined without one. */
  locked: LockSection | undefined;
  updateLock: boolean;
  carve: boolean;
  work: string;
  debs: DebCache;
  sources: readonly DebSource[];
  onStep: (step: string) => void;
}

export interface ResolvedLock {
  section: LockSection;
  /** Empty where the lock stands in for modules that are not on this machine. */
  required: RequiredModule[];
  isNew: boolean;
}

/**
 * Returns the lock's section if it fits the manifest, the platform and the required modules; makes
 * one where there is none, or when asked to.
 * @throws GantryError `lock_stale`, `required_module_missing`, and the codes of `Archive`
 */
export async function resolveLock(input: LockInput): Promise<ResolvedLock> {
  const { locked, manifest, base } = input;
  if (locked === undefined || input.updateLock) return makeSection(input);

  const required = await findRequiredModules(input).catch((error: unknown) => {
    // The lock has all that they would say, unless other places are given.
    if (input.given.size === 0 && isGantryError(error, 'required_module_missing')) return undefined;
    throw error;
  });

  const mismatch = lockMismatch(locked, {
    architecture: base.architecture,
    suite: base.suite,
    package_spec: manifest.package_spec,
    requires: required === undefined ? locked.requires : sameSources(locked, required),
  });

  if (mismatch === undefined) return { section: locked, required: required ?? [], isNew: false };
  const message = `expected module.lock.json to fit manifest.yaml for ${input.platform}, but ${mismatch}; run with --update-lock`;
  throw new GantryError('lock_stale', message, { field: 'module.lock.json' });
}

async function makeSection(input: LockInput): Promise<ResolvedLock> {
  const { manifest, base, locked, carve } = input;
  const required = await findRequiredModules(input);
  const pinned = newestOf(required.flatMap((one) => one.locked));

  input.onStep('reading the archive');
  const directory = join(input.work, 'apt');
  await mkdir(directory, { recursive: true });
  const archive = new Archive(directory, base);
  const epoch = await archive.update();

  input.onStep('resolving packages');
  const pinnedStanzas = await stanzasOf(pinned, input);
  const baseSpecs = [...new Set(required.flatMap((one) => one.specs))];
  const resolved =
    baseSpecs.length === 0
      ? { packages: [], stanzas: [] }
      : await archive.resolve(baseSpecs, pinnedStanzas);
  const baseDebs = overlay(pinned, resolved.packages);
  const baseStanzas = overlayStanzas(pinnedStanzas, resolved.stanzas);
  const own = await archive.resolve(manifest.package_spec, baseStanzas);

  const section: LockSection = {
    architecture: base.architecture,
    suite: base.suite,
    package_spec: [...manifest.package_spec],
    options: { carve },
    requires: lockedModules(required),
    epoch,
    // A build finds those that are not known yet.
    accounts: startingAccounts(accountsOf(required), locked?.accounts),
    base: baseDebs,
    packages: overlay(baseDebs, own.packages),
  };
  return { section, required, isNew: true };
}

/** Modules without packages are no part of the base. */
function lockedModules(required: readonly RequiredModule[]): LockedModule[] {
  return required
    .filter(({ manifest }) => manifest.package_spec.length > 0)
    .map(({ name, version, digest }) => ({ module: name, version, digest }));
}

/**
 * The modules that a build finds now. A module that the lock has from a registry stays that one,
 * until --require or --update-lock says another: a directory beside it is another version.
 */
export function sameSources(
  locked: Pick<LockSection, 'requires'>,
  required: readonly RequiredModule[],
): LockedModule[] {
  const given = new Set(required.filter((one) => one.isGiven).map(({ name }) => name));
  const isDirectory = ({ version }: LockedModule) => version === null;
  return lockedModules(required).map((found) => {
    const known = locked.requires.find(({ module }) => module === found.module);
    const isKept = known !== undefined && !isDirectory(known) && isDirectory(found);
    return isKept && !given.has(found.module) ? known : found;
  });
}

/** The users and groups that the builds of the required modules made. */
function accountsOf(required: readonly RequiredModule[]): LockedAccounts[] {
  const layers = required.flatMap(({ layer }) => layer ?? []);
  const ofLayers = accountsOfLayers({
    sysusers: layers.flatMap(({ sysusers }) => sysusers),
    directories: new Map(layers.flatMap(({ directories }) => [...directories])),
  });
  return [...required.flatMap(({ accounts }) => accounts ?? []), ofLayers];
}

async function stanzasOf(debs: readonly LockedPackage[], input: LockInput): Promise<Stanza[]> {
  await input.debs.fill(debs, input.sources, () => {});
  const texts: string[] = [];
  for (const deb of debs) texts.push(await input.debs.control(deb));
  return parseStanzas(texts.join('\n'), 'the control files');
}

/** Where required modules lock different versions of a package, the newest. */
function newestOf(debs: readonly LockedPackage[]): LockedPackage[] {
  const chosen = new Map<string, LockedPackage>();
  for (const deb of debs) {
    const known = chosen.get(packageKey(deb));
    if (known === undefined || compareDebianVersions(known.version, deb.version) < 0)
      chosen.set(packageKey(deb), deb);
  }
  return sorted(chosen.values());
}

function overlay(
  below: readonly LockedPackage[],
  above: readonly LockedPackage[],
): LockedPackage[] {
  return sorted(new Map([...below, ...above].map((one) => [packageKey(one), one])).values());
}

function sorted(debs: Iterable<LockedPackage>): LockedPackage[] {
  return [...debs].sort((a, b) => compareBytes(packageKey(a), packageKey(b)));
}

function overlayStanzas(below: readonly Stanza[], above: readonly Stanza[]): Stanza[] {
  const key = (one: Stanza) => `${one.get('Package')}:${one.get('Architecture')}`;
  return [...new Map([...below, ...above].map((one) => [key(one), one])).values()];
}
