import type { TreeEntry } from '../domain/files/index.ts';
import { compileMask, selectFiles } from '../files/index.ts';
import { type Accounts, formatSysusers, newAccounts } from './accounts.ts';
import { type InstalledPackage, packagesOfLayer } from './database.ts';
import { packageLayer } from './layer.ts';
import { recordFiles } from './layer-records.ts';
import type { LockedPackage } from './lock.ts';

/** What is known of a built tree. */
export interface TreeState {
  entries: readonly TreeEntry[];
  packages: readonly InstalledPackage[];
  accounts: Accounts;
}

export interface LayerPlanInput {
  module: string;
  /** Undefined for a module that needs no other. */
  base: TreeState | undefined;
  full: TreeState;
  /** Paths that each package ships, by dpkg's name of it: `redis`, `libc6:amd64`. */
  shipped: Readonly<Record<string, readonly string[]>>;
  /** Globs of package files that do not ship, carve-outs apart. */
  mask: readonly string[];
  /** The closure that was installed. */
  debs: readonly LockedPackage[];
  /** Only package files that these globs claim ship; undefined for all. */
  carve: readonly string[] | undefined;
}

export interface LayerPlan {
  /** Entries whose content is in the built tree, sorted. Parents may be missing. */
  entries: TreeEntry[];
  /** Small text files that the build makes: path → content. */
  generated: Map<string, string>;
  /** The packages that the layer records. */
  packages: InstalledPackage[];
  /** Paths of the base that packages removed. */
  removed: string[];
  /** How many files a carve left out. */
  carved: string[];
}

/** Decides what of a built tree ships, and records the packages and users that it brings. */
export function planLayer(input: LayerPlanInput): LayerPlan {
  const { base, full } = input;
  const layer = packageLayer(base?.entries, full.entries);
  const isMasked = compileMask(input.mask);
  const unmasked = layer.entries.filter(({ path, type }) => !isMasked(path, type === 'directory'));

  const own = packagesOfLayer(base?.packages ?? [], full.packages);
  const { entries, packages, carved } =
    input.carve === undefined
      ? { entries: unmasked, packages: own, carved: [] }
      : carve(unmasked, own, { shipped: input.shipped, claims: input.carve });

  const generated = recordFiles(packages, input.debs);
  const accounts = newAccounts(base?.accounts ?? { users: [], groups: [] }, full.accounts);
  const sysusers = formatSysusers(accounts, full.accounts);
  if (sysusers !== '') generated.set(sysusersPath(input.module), sysusers);

  return { entries, generated, packages, removed: layer.removed, carved };
}

/**
 * The first definition of a user counts (sysusers.d(5)), and packages have fragments without ids:
 * dbus.conf, systemd-network.conf. So this name sorts before theirs.
 */
const sysusersPath = (module: string) => `/usr/lib/sysusers.d/00-gantry-${module}.conf`;

const infoPrefix = '/var/lib/dpkg/info/';

/**
 * Leaves out the package files that no glob claims, with their directories. dpkg's own files about
 * a package stay while any file of it does.
 */
function carve(
  entries: readonly TreeEntry[],
  packages: readonly InstalledPackage[],
  { shipped, claims }: { shipped: LayerPlanInput['shipped']; claims: readonly string[] },
): Pick<LayerPlan, 'entries' | 'packages' | 'carved'> {
  const files = entries.filter(({ type }) => type !== 'directory').map(({ path }) => path);
  const claimed = new Set(selectFiles(files, { file_spec: claims, mask: [] }));
  const names = new Set(
    Object.keys(shipped).filter((name) => shipped[name]?.some((path) => claimed.has(path))),
  );

  const isKept = ({ path }: TreeEntry) => claimed.has(path) || isInfoOf(path, names);
  const isNamed = (one: InstalledPackage) =>
    names.has(one.name) || names.has(`${one.name}:${one.architecture}`);
  return {
    entries: entries.filter((entry) => entry.type !== 'directory' && isKept(entry)),
    packages: packages.filter(isNamed),
    carved: files.filter((path) => !claimed.has(path) && !path.startsWith(infoPrefix)),
  };
}

/** `/var/lib/dpkg/info/libc6:amd64.list` is about `libc6:amd64`. */
function isInfoOf(path: string, names: ReadonlySet<string>): boolean {
  if (!path.startsWith(infoPrefix)) return false;
  const file = path.slice(infoPrefix.length);
  return names.has(file.slice(0, file.lastIndexOf('.')));
}
