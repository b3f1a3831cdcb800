import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { ServicesRecord } from './services-record.ts';

const run = promisify(execFile);

/** Both kinds of shells must find a command: they read other files. */
const shells = [
  ['a login shell', '-lc'],
  ['a shell', '-c'],
] as const;

/**
 * Asks shells of a root where they find the commands that its modules promise (`verify.probes`).
 * They run as transient units in the root, without network and without the rights of root.
 *
 * @returns the probes that fail
 */
export async function runProbes(
  { root, probes }: ServicesRecord,
  machineData: string,
): Promise<GantryError[]> {
  const faults: GantryError[] = [];

  for (const { name, command, resolves_to } of probes) {
    for (const [shell, flags] of shells) {
      const found = await findCommand({ root, machineData, flags, command });
      if (found === resolves_to) continue;

      faults.push(
        new GantryError(
          'probe_failed',
          `The probe ${name} fails: expected ${shell} to find ${command} at ${resolves_to}, found ${found}.`,
          { field: name },
        ),
      );
      break;
    }
  }

  return faults;
}

interface Lookup {
  root: string;
  machineData: string;
  flags: string;
  command: string;
}

async function findCommand({ root, machineData, flags, command }: Lookup): Promise<string> {
  const properties = [
    `RootDirectory=${root}`,
    `BindReadOnlyPaths=${machineData}:/machine-data`,
    'MountAPIVFS=yes',
    // Profiles of the root are code of modules, and no reviewer let them be root.
    'CapabilityBoundingSet=',
    'NoNewPrivileges=yes',
    'PrivateDevices=yes',
    'PrivateNetwork=yes',
    'PrivateTmp=yes',
    `RuntimeMaxSec=${limits.agentProbeMs / 1000}`,
  ];
  const args = ['--quiet', '--wait', '--pipe', '--collect', '--service-type=exec'];
  // The command is an argument, so the shell reads no part of it as code.
  const line = ['/bin/sh', flags, 'command -v -- "$1"', 'sh', command];

  try {
    const { stdout } = await run(
      'systemd-run',
      [...args, ...properties.map((one) => `--property=${one}`), '--', ...line],
      { timeout: 2 * limits.agentProbeMs, maxBuffer: 1024 ** 2 },
    );
    return lastLine(stdout);
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return lastLine(stdout) || `nothing (${lastLine(stderr) || 'the shell failed'})`;
  }
}

/** A profile may print something before. */
function lastLine(text: string): string {
  return (text.trim().split('\n').at(-1) ?? '').slice(0, 300);
}
