import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'vitest';

/** Programs that tests use where the machine has them, with the Debian package that brings each. */
const programs = {
  'docker-registry': 'docker-registry',
  rsync: 'rsync',
  chromium: 'chromium',
  skopeo: 'skopeo',
  git: 'git',
  setfattr: 'attr',
  'dump.erofs': 'erofs-utils',
  mmdebstrap: 'mmdebstrap',
  gpg: 'gnupg',
  newuidmap: 'uidmap',
  setcap: 'libcap2-bin',
  bsdtar: 'libarchive-tools',
  'systemd-nspawn': 'systemd-container',
  'dpkg-deb': 'dpkg',
  'x86_64-linux-gnu-strip': 'binutils-x86-64-linux-gnu',
  'aarch64-linux-gnu-strip': 'binutils-aarch64-linux-gnu',
} as const;

export type Requirement = keyof typeof programs | 'root';

/** Why the requirement is not met here; `undefined` when it is. */
export function missing(requirement: Requirement): string | undefined {
  if (requirement === 'root') return process.getuid?.() === 0 ? undefined : 'needs root';
  if (findProgram(requirement) !== undefined) return undefined;
  return `needs ${requirement} (Debian package ${programs[requirement]})`;
}

/**
 * Skips the running test, by name and with the reason, where the machine lacks something. First
 * line of a test.
 */
export function requires(context: TestContext, ...requirements: Requirement[]): void {
  const reasons = requirements.map(missing).filter((reason) => reason !== undefined);
  if (reasons.length > 0) context.skip(reasons.join(', '));
}

/** The path of a program on the PATH. */
export function findProgram(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
