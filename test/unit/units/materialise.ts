import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Generated } from './factory.ts';

/** Writes the generated files below a directory, without their owners. */
export function writeGenerated({ entries, contents }: Generated, directory: string): void {
  for (const { path, type, mode, target = '', content = '' } of entries) {
    const place = join(directory, path);
    if (type === 'directory') {
      mkdirSync(place, { recursive: true });
      continue;
    }

    mkdirSync(dirname(place), { recursive: true });
    if (type === 'symlink') symlinkSync(target, place);
    else writeFileSync(place, contents.get(path) ?? Buffer.from(content, 'base64'));
    if (type === 'file') chmodSync(place, mode);
  }
}

/** Whether a command is installed here. */
export function hasCommand(name: string): boolean {
  return ['/usr/bin', '/usr/sbin', '/bin', '/sbin'].some((at) => existsSync(join(at, name)));
}

/** Runs a command and returns what it prints, on both streams, and its exit status. */
export function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  try {
    const out = execFileSync(command, args, {
      env: { ...process.env, LC_ALL: 'C', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    });
    return { status: 0, out };
  } catch (error) {
    const {
      status,
      stdout = '',
      stderr = '',
    } = error as { status: number; stdout: string; stderr: string };
    return { status, out: `${stdout}${stderr}` };
  }
}

/**
 * Has systemd-analyze verify all units of a generated layer in one run; returns what it prints. It
 * reads ":" in a file name as the start of an alias, so the copies have "_" there.
 */
export function verifyUnits(
  generated: Generated,
  directory: string,
): { status: number; out: string } {
  writeGenerated(generated, directory);
  const units = join(directory, 'units');
  mkdirSync(units);

  const files = generated.entries.filter(
    ({ path, type }) => type === 'file' && path.startsWith('/usr/lib/systemd/system/'),
  );
  for (const { path } of files) {
    const place = join(units, path.slice('/usr/lib/systemd/system/'.length).replaceAll(':', '_'));
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(
      place,
      generated
        .text(path)
        .replaceAll(/gantry-[a-z-]+(?::[a-z-]+)+/g, (one) => one.replaceAll(':', '_')),
    );
  }
  const extra = join(directory, 'packages');
  if (existsSync(extra)) cpSync(extra, units, { recursive: true });

  const names = files
    .filter(({ path }) => path.endsWith('.service'))
    .map(({ path }) =>
      join(units, path.slice('/usr/lib/systemd/system/'.length).replaceAll(':', '_')),
    );
  return run('systemd-analyze', ['verify', '--man=no', ...names], {
    SYSTEMD_UNIT_PATH: `${units}:`,
  });
}
