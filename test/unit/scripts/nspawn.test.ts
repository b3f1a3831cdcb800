import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { copyTree, debianTree, Machine } from '../../support/nspawn.ts';
import { missing, requires } from '../../support/requirements.ts';

const work = mkdtempSync(join(tmpdir(), 'gantry-nspawn-'));
afterAll(() => rmSync(work, { recursive: true, force: true }), 60_000);

const root = join(work, 'root');
const running = new Set<Machine>();
afterEach(async () => {
  for (const machine of running) await machine.stop();
  running.clear();
});

const options = { name: `gantry-test-${process.pid}`, root, console: join(work, 'console') };

const here = ['root', 'mmdebstrap', 'systemd-nspawn'] as const;
async function boot(): Promise<Machine> {
  const machine = await Machine.boot(options);
  running.add(machine);
  return machine;
}

if (here.every((one) => missing(one) === undefined))
  await copyTree(await debianTree({ suite: 'trixie' }), root);

test('a tree boots as a machine in which commands run', async (context) => {
  requires(context, ...here);
  const machine = await boot();

  expect(await machine.run('systemctl', 'is-system-running')).toBe('running');
  expect(await machine.run('cat', '/proc/1/comm')).toBe('systemd');
  expect(await machine.run('hostname')).toBe(options.name);
  expect(await machine.try('sh', '-c', 'echo no >&2; exit 3')).toEqual({
    code: 3,
    stdout: '',
    stderr: 'no\n',
  });
  await expect(machine.run('false', 'x')).rejects.toThrow('false x ended with 1');
});

test('a halt stops the units in order, and a cut of the power does not', async (context) => {
  requires(context, ...here);
  writeFileSync(
    join(root, 'etc/systemd/system/last.service'),
    '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\nExecStop=touch /stopped\n',
  );
  const stopped = join(root, 'stopped');

  const cut = await boot();
  await cut.run('systemctl', 'start', 'last.service');
  await cut.cut();
  expect(existsSync(stopped)).toBe(false);

  const halted = await boot();
  await halted.run('systemctl', 'start', 'last.service');
  await halted.stop();
  expect(existsSync(stopped)).toBe(true);
});

test('a machine halts when the process that booted it is killed', async (context) => {
  requires(context, ...here);
  const support = join(import.meta.dirname, '../../support/nspawn.ts');
  const program = `
    import { Machine } from ${JSON.stringify(support)};
    const machine = await Machine.boot(${JSON.stringify(options)});
    process.stdout.write(String(machine.init));
    setInterval(() => {}, 1000);`;
  const booter = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });

  const [init] = await once(booter.stdout, 'data');
  booter.kill('SIGKILL');
  await expect.poll(() => existsSync(`/proc/${init}`), { timeout: 20_000 }).toBe(false);
});

test('a tree without an init is refused, with what the console says', async (context) => {
  requires(context, ...here);
  const boot = Machine.boot({ ...options, root: join(work, 'none') });
  await expect(boot).rejects.toThrow(/expected gantry-test-\d+ to boot: .*\n.*none/s);
});
