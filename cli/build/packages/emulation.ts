import { readFile } from 'node:fs/promises';
import { GantryError } from '../../../shared/base/error.ts';
import { machineArchitecture } from './platform.ts';
import { runTool } from './run-tool.ts';

/** How this machine runs programs of another architecture. */
export interface Emulation {
  /** Debian's name of the architecture. */
  architecture: string;
  /** True if it runs them now. */
  runs: boolean;
  /** True if the kernel's table of interpreters can be seen. */
  mounted: boolean;
  /** The kernel's entry of QEMU for the architecture; undefined without one. */
  entry: string | undefined;
}

const table = '/proc/sys/fs/binfmt_misc';

/** QEMU's names of the architectures that Debian names otherwise. */
const qemuNames = new Map([
  ['amd64', 'x86_64'],
  ['arm64', 'aarch64'],
]);

const qemuEntry = (architecture: string) => `qemu-${qemuNames.get(architecture) ?? architecture}`;

/**
 * Refuses a build whose maintainer scripts this machine cannot run, before anything is downloaded.
 * @throws GantryError `prerequisite_missing`, which says what is missing
 */
export async function requireArchitecture(architecture: string): Promise<void> {
  if (architecture === machineArchitecture()) return;

  const { code } = await runTool({
    program: 'arch-test',
    args: [architecture],
    package: 'arch-test',
  });
  const problem = findEmulationProblem({
    architecture,
    runs: code === 0,
    mounted: (await readEntry('status')) !== undefined,
    entry: await readEntry(qemuEntry(architecture)),
  });
  if (problem === undefined) return;

  const message = `expected this machine to run programs of ${architecture}, ${problem}`;
  throw new GantryError('prerequisite_missing', message, { expected: architecture });
}

/** @returns what is missing and what to do; undefined if nothing is */
export function findEmulationProblem(emulation: Emulation): string | undefined {
  const { architecture, runs, mounted, entry } = emulation;
  const name = qemuEntry(architecture);
  const enable = `update-binfmts --enable ${name}`;
  // Without the flag, the kernel looks for the interpreter in the tree of the build.
  const isFixed = entry === undefined || /^flags:.*F/m.test(entry);
  if (runs && isFixed) return undefined;

  if (!mounted)
    return `found binfmt_misc not mounted; run mount -t binfmt_misc binfmt_misc ${table}, then ${enable}, and keep it mounted until the build ends`;
  if (runs)
    return `found ${name} without the flag F; run echo -1 > ${table}/${name}, then ${enable}`;
  return `found no interpreter for them; install qemu-user-static and binfmt-support, and run ${enable}`;
}

function readEntry(name: string): Promise<string | undefined> {
  return readFile(`${table}/${name}`, 'utf8').catch(() => undefined);
}
