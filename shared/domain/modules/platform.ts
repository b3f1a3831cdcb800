/** The platform of a build that serves every platform. */
export const anyPlatform = 'any';

/** The platforms that a registration allows, and those that a version has builds for. */
export interface Platforms {
  /** All, if the registration names none. */
  registered: readonly string[];
  built: readonly string[];
}

/**
 * The platform of the build that serves a template's platform: a build for it, else one for its
 * architecture, else one for any. Null if there is none, or if the registration excludes it.
 */
export function servingPlatform({ registered, built }: Platforms, wanted: string): string | null {
  const serving = [wanted, ...architecturesFor(wanted), anyPlatform];
  if (registered.length > 0 && !registered.some((one) => serving.includes(one))) return null;
  return serving.find((one) => built.includes(one)) ?? null;
}

/** What to name where a platform is refused: those that a template could have. */
export function servedPlatforms(platforms: Platforms): string[] {
  const { registered, built } = platforms;
  if (registered.length === 0) return [...built];
  return registered.filter((one) => servingPlatform(platforms, one) !== null);
}

/**
 * The platforms of an OCI index that run on the machines of a template's platform, the best one
 * first: `debian-12-amd64` → `linux-amd64`, `debian-12-armhf` → `linux-arm-v7`, `linux-arm`, …
 */
function architecturesFor(platform: string): string[] {
  const { architecture, variant = null } = readMachine(platform);
  const named = nameOciPlatform({ os: 'linux', architecture, variant });
  const written = `linux-${platform.slice(platform.lastIndexOf('-') + 1)}`;

  const levels = variantLevels.get(architecture)?.map((one) => join(['linux', architecture, one]));
  const own = levels?.indexOf(named) ?? -1;
  return [...new Set([...(own === -1 ? [named] : (levels ?? []).slice(own)), written])];
}

/** An architecture as OCI names it (image-spec, "Platform Variants"; Go's GOARCH). */
interface Machine {
  architecture: string;
  variant?: string;
}

/** The names that Debian, or the kernel, gives architectures. Others are named the same in OCI. */
const ociMachines = new Map<string, Machine>([
  ['arm64', { architecture: 'arm64', variant: 'v8' }],
  ['aarch64', { architecture: 'arm64', variant: 'v8' }],
  ['armhf', { architecture: 'arm', variant: 'v7' }],
  ['armel', { architecture: 'arm', variant: 'v6' }],
  ['x86_64', { architecture: 'amd64' }],
  ['i386', { architecture: '386' }],
  ['ppc64el', { architecture: 'ppc64le' }],
]);

/**
 * The variants of an architecture, the most able one first: a machine runs builds for its own and
 * for all that follow. Null is an entry without a variant, which containerd takes for `arm/v7`.
 */
const variantLevels = new Map<string, readonly (string | null)[]>([
  ['amd64', ['v4', 'v3', 'v2', null]],
  ['arm64', ['v9', null]],
  ['arm', ['v8', 'v7', null, 'v6', 'v5']],
]);

/** What an entry without a variant means, which the names of platforms leave out. */
const plainVariants = new Map([
  ['amd64', 'v1'],
  ['arm64', 'v8'],
]);

/**
 * Reads the machine from the end of a platform's name: `ubuntu-24.04-arm64`, `debian-12-armhf`,
 * `alpine-3.20-arm-v6`, `debian-13-amd64-v3`.
 */
export function readMachine(platform: string): Machine {
  const [, named, variant] = /^(?:.*-)?([a-z0-9_]+?)-?(v\d+)$/.exec(platform) ?? [];
  if (named !== undefined && variant !== undefined && variantLevels.has(named))
    return { architecture: named, variant };

  const architecture = platform.slice(platform.lastIndexOf('-') + 1);
  return ociMachines.get(architecture) ?? { architecture };
}

/** The `platform` of an entry of an OCI index (image-spec, "OCI Image Index"). */
export interface OciPlatform {
  os: string;
  architecture: string;
  variant?: string | null | undefined;
  osVersion?: string | null | undefined;
}

/**
 * Names an OCI platform: `<os>-<architecture>[-<variant>]`, and for systems that run only builds of
 * their own version (Windows) that version. Spellings of one platform have one name.
 */
export function nameOciPlatform({ os, architecture, variant, osVersion }: OciPlatform): string {
  const named = ociMachines.get(architecture) ?? { architecture };
  const stated = variant || named.variant;
  const level = stated !== undefined && /^\d+$/.test(stated) ? `v${stated}` : stated;

  const isPlain = level === plainVariants.get(named.architecture);
  const version = os === 'linux' ? null : osVersion;
  return join([os, named.architecture, isPlain ? null : level, version]);
}

function join(parts: readonly (string | null | undefined)[]): string {
  return parts.filter(Boolean).join('-');
}
