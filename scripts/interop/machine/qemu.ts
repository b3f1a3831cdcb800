import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

interface Boot {
  kernel: string;
  initrd: string;
  /** Words of the kernel's command line, besides those for its console. */
  commandLine: readonly string[];
  /** The image of the disk, which the machine writes to. */
  disk: string;
  /** The file that gets what the machine writes to its serial console. */
  console: string;
}

/**
 * A boot takes about a minute on a quiet computer, and five times as long on a busy
 * one. A machine that does not come up boots four times.
 */
const waitMs = 30 * 60_000;
const pollMs = 500;

/**
 * Boots a machine in qemu and cuts its power once its console has what is expected.
 *
 * @returns what the console has
 * @throws Error with the end of the console if that does not happen in half an hour
 */
export async function bootUntil(boot: Boot, expected: RegExp): Promise<string> {
  await rm(boot.console, { force: true });
  const qemu = spawn('qemu-system-x86_64', argumentsOf(boot), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  qemu.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const gone = once(qemu, 'close');

  try {
    const said = await waitFor(boot, qemu, expected);
    if (expected.test(said)) return said;
    const end = said.trim().split('\n').slice(-30).join('\n');
    throw new Error(`expected ${expected} on the console, found:\n${end}\n${complaint}`);
  } finally {
    qemu.kill('SIGKILL');
    await gone;
  }
}

/** Returns the console when it has what is expected, qemu has ended, or the time is over. */
async function waitFor(boot: Boot, qemu: ChildProcess, expected: RegExp): Promise<string> {
  for (const deadline = Date.now() + waitMs; ; await sleep(pollMs)) {
    const said = await readFile(boot.console, 'utf8').catch(() => '');
    const hasEnded = qemu.exitCode !== null || qemu.signalCode !== null;
    const isOver = hasEnded || Date.now() > deadline;
    if (expected.test(said) || isOver) return said;
  }
}

/**
 * It has no network, and one processor. That is emulated everywhere, because KVM does not know all
 * models on all computers.
 */
function argumentsOf({ kernel, initrd, commandLine, disk, console }: Boot): string[] {
  return [
    ...['-machine', 'q35', '-accel', 'tcg', '-cpu', 'max'],
    ...['-m', '1024', '-smp', '1', '-nic', 'none', '-display', 'none', '-monitor', 'none'],
    ...['-serial', `file:${console}`, '-drive', `file=${disk},format=raw,if=virtio`],
    ...['-kernel', kernel, '-initrd', initrd],
    ...['-append', ['console=ttyS0', ...commandLine].join(' ')],
  ];
}
