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
  const serving = [wanted, architectureOf(wanted), anyPlatform];
  if (registered.length > 0 && !registered.some((one) => serving.includes(one))) return null;
  return serving.find((one) => built.includes(one)) ?? null;
}

/** What to name where a platform is refused: those that a template could have. */
export function servedPlatforms(platforms: Platforms): string[] {
  const { registered, built } = platforms;
  if (registered.length === 0) return [...built];
  return registered.filter((one) => servingPlatform(platforms, one) !== null);
}

/** `debian-12-amd64` → `linux-amd64`, as an OCI index names the machines of that architecture. */
function architectureOf(platform: string): string {
  return `linux-${platform.slice(platform.lastIndexOf('-') + 1)}`;
}
