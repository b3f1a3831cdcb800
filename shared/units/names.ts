/** Where systemd looks for units, the first directory that has one counts (systemd.unit(5)). */
export const unitDirectories = [
  '/etc/systemd/system.control',
  '/run/systemd/system.control',
  '/run/systemd/transient',
  '/run/systemd/generator.early',
  '/etc/systemd/system',
  '/etc/systemd/system.attached',
  '/run/systemd/system',
  '/run/systemd/system.attached',
  '/run/systemd/generator',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
  '/run/systemd/generator.late',
] as const;

/** Where the composition's own units are. */
export const generatedDirectory = '/usr/lib/systemd/system';

/** The name of the composition's drop-ins. It sorts after the usual `10-` and `override`. */
export const dropInName = 'zz-gantry.conf';

const sudoersDirectory = '/etc/sudoers.d';
export const sudoersPrefix = `${sudoersDirectory}/gantry-`;

/**
 * The name of a service's unit. Slugs and service names have no ":", so no two services share one,
 * and none leaves its directory.
 */
export function unitName(
  account: string,
  layer: { account: string; module: string },
  service: string,
): string {
  const owner = layer.account === account ? '' : `${layer.account}:`;
  return `gantry-${owner}${layer.module}:${service}.service`;
}

/** What systemd-tmpfiles copies, and after every other file of its kind. */
export const tmpfilesPath = '/usr/lib/tmpfiles.d/zz-gantry.conf';

const reservedTmpfiles: ReadonlySet<string> = new Set(
  ['/etc', '/run', '/usr/local/lib', '/usr/lib'].map((at) => `${at}/tmpfiles.d/zz-gantry.conf`),
);

const inUnitDirectory = new RegExp(
  `^(?:${unitDirectories.join('|').replaceAll('.', '\\.')})/(?<rest>.+)$`,
);

/** The part of a path below a directory of units, or null. */
export function unitPath(path: string): string | null {
  // Few of the hundreds of thousands of paths of a root get to the slow part.
  if (!path.includes('/systemd/')) return null;
  return inUnitDirectory.exec(path)?.groups?.rest ?? null;
}

/** The units of the package of the agent, which a module may ship. No generated name is like it. */
const agentUnit = /(?:^|\/)gantry-agent(?:-boot)?\.(?:service|timer)$/;

/**
 * Returns whether only the generated layer may have a path: its units, their drop-ins (those of
 * `gantry-.service.d` too, which systemd applies to every unit of the prefix), its drop-ins for
 * other units, its rules of sudo, and its tmpfiles.d. They are reserved in every search path,
 * because a file in an earlier one replaces that of a later one.
 */
export function isReserved(path: string): boolean {
  const rest = unitPath(path);
  if (rest !== null) {
    const isGenerated = /(?:^|\/)gantry-/.test(rest) && !agentUnit.test(rest);
    return isGenerated || rest.endsWith(`/${dropInName}`);
  }
  return path.startsWith(sudoersPrefix) || reservedTmpfiles.has(path);
}
