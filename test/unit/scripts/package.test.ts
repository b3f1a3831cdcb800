import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import project from '../../../package.json' with { type: 'json' };
import { makePackages } from '../../../scripts/package/make-packages.ts';
import { copyTree, debianTree, Machine } from '../../support/nspawn.ts';
import { missing, type Requirement, requires } from '../../support/requirements.ts';

const { version } = project;
const work = mkdtempSync(join(tmpdir(), 'gantry-packages-'));
afterAll(() => rmSync(work, { recursive: true, force: true }), 60_000);

const toPack: Requirement[] = ['dpkg-deb', 'x86_64-linux-gnu-strip', 'aarch64-linux-gnu-strip'];
const toInstall: Requirement[] = [...toPack, 'root', 'mmdebstrap', 'systemd-nspawn'];
const isMet = (needs: readonly Requirement[]) => needs.every((one) => missing(one) === undefined);

const [first, second] = [join(work, 'first'), join(work, 'second')];
const names = isMet(toPack)
  ? await makePackages({ out: first, architectures: ['amd64', 'arm64'], revision: 1 })
  : [];
if (isMet(toPack)) await makePackages({ out: second, architectures: ['amd64'], revision: 2 });

const read = (folder: string, name: string) => readFileSync(join(folder, name));
const run = (program: string, ...args: string[]) => execFileSync(program, args, { cwd: work });

describe('packages', () => {
  test('are one for npm, and those of Debian for each architecture', (context) => {
    requires(context, ...toPack);
    expect(names).toEqual([
      `gantry-cli-${version}.tgz`,
      `gantry_${version}-1_amd64.deb`,
      `gantry_${version}-1_arm64.deb`,
      `gantry-agent_${version}-1_all.deb`,
      'SHA256SUMS',
    ]);
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: first });
  });

  test('have the same bytes when they are made again', (context) => {
    requires(context, ...toPack);
    const npm = `gantry-cli-${version}.tgz`;
    expect(read(second, npm).equals(read(first, npm))).toBe(true);

    // The revision is in the control file alone.
    const hashes = [first, second].map((folder, at) => {
      const deb = join(folder, `gantry_${version}-${at + 1}_amd64.deb`);
      return String(run('sh', '-c', `dpkg-deb --fsys-tarfile ${deb} | sha256sum`));
    });
    expect(hashes[0]).toBe(hashes[1]);
  });

  test('have the runtime of their architecture, and name all that they contain', (context) => {
    requires(context, ...toPack);
    const tree = join(work, 'arm64');
    run('dpkg-deb', '--extract', join(first, `gantry_${version}-1_arm64.deb`), tree);
    // e_machine of an ELF header: 183 is AArch64.
    expect(read(tree, 'usr/lib/gantry/node').readUInt16LE(18)).toBe(183);

    const sbom = JSON.parse(String(read(tree, 'usr/share/doc/gantry/sbom.cdx.json')));
    const components = (sbom.components as { name: string }[]).map(({ name }) => name);
    expect(components).toEqual(expect.arrayContaining(['node', 'zod', '@sigstore/verify']));

    const licences = String(read(tree, 'usr/share/doc/gantry/copyright'));
    for (const text of ['Gantry (Apache-2.0)', 'Node.js 24.', 'zod 4.', 'undici 8.'])
      expect(licences).toContain(text);
  });

  test('of npm install into an empty folder and run there', (context) => {
    requires(context, ...toPack);
    const folder = join(work, 'npm');
    mkdirSync(folder);
    const install = ['install', '--offline', '--no-audit', '--no-fund', '--prefix', folder];
    run('npm', ...install, join(first, `gantry-cli-${version}.tgz`));

    const gantry = join(folder, 'node_modules/.bin/gantry');
    expect(String(run(gantry, '--version'))).toBe(`${version}\n`);
    run(gantry, 'module', 'init', 'tried');
    expect(String(run(gantry, 'module', 'validate', join(work, 'tried')))).toContain('tried');
  });
});

/** Packages of a revision, as a clean Debian sees them. */
function debsOf(revision: number): string[] {
  return [
    `/debs/gantry_${version}-${revision}_amd64.deb`,
    `/debs/gantry-agent_${version}-${revision}_all.deb`,
  ];
}

test('a clean Debian installs, upgrades, removes and purges the agent', async (context) => {
  requires(context, ...toInstall);
  const root = join(work, 'root');
  const packages = ['ca-certificates', 'initramfs-tools', 'libnss-systemd'];
  await copyTree(await debianTree({ suite: 'trixie', packages }), root);
  for (const folder of [first, second]) cpSync(folder, join(root, 'debs'), { recursive: true });

  const name = `gantry-package-${process.pid}`;
  const machine = await Machine.boot({ name, root, console: join(work, 'console') });
  try {
    await installs(machine);
    await makesAnInitramfs(machine);
    await startsTheAgent(machine);
    await upgrades(machine);
    await removesAndPurges(machine);
  } finally {
    await machine.stop();
  }
}, 240_000);

async function installs(machine: Machine): Promise<void> {
  await machine.run('apt-get', 'install', '--yes', '--no-install-recommends', ...debsOf(1));
  expect(await machine.run('gantry', '--version')).toBe(version);
  await machine.run('gantry', 'module', 'init', 'tried', '/tmp/tried');

  const units = ['gantry-agent.service', 'gantry-agent.timer', 'gantry-agent-boot.service'];
  expect(await machine.run('systemd-analyze', 'verify', ...units)).toBe('');
  for (const unit of units.slice(1))
    expect(await machine.run('systemctl', 'is-enabled', unit)).toBe('enabled');
  expect(await machine.run('systemctl', 'is-active', 'gantry-agent.timer')).toBe('active');

  // Services run as users whom only this module of the name service knows.
  const removal = await machine.run('apt-get', 'remove', '--simulate', 'libnss-systemd');
  expect(removal).toContain('Remv gantry-agent ');
  expect(await machine.run('grep', '^passwd:', '/etc/nsswitch.conf')).toContain('systemd');
}

/** Its script finds what it needs, also without busybox: the programs of klibc know few options. */
async function makesAnInitramfs(machine: Machine): Promise<void> {
  const kernel = '/usr/lib/modules/6.12';
  await machine.run('mkdir', '-p', kernel);
  await machine.run('touch', ...['order', 'builtin'].map((name) => `${kernel}/modules.${name}`));
  await machine.run('depmod', '6.12');
  await machine.run('sh', '-c', 'echo CONFIG_RD_GZIP=y > /boot/config-6.12');
  await machine.run('mkinitramfs', '-o', '/var/tmp/initramfs', '6.12');
  await machine.run('unmkinitramfs', '/var/tmp/initramfs', '/var/tmp/unpacked');

  const inside = (...command: string[]) => machine.run('chroot', '/var/tmp/unpacked', ...command);
  expect((await machine.try('test', '-e', '/var/tmp/unpacked/usr/bin/busybox')).code).toBe(1);
  expect(await inside('/usr/bin/ls', '-di', '/')).toMatch(/^\d+ \/$/);
  for (const program of ['mount', 'umount'])
    expect(await inside(`/usr/bin/${program}`, '--version')).toContain('util-linux');
  // It stops at its first check, so it is there and runs.
  const script = ['/var/tmp/unpacked', '/usr/sbin/gantry-mount-root', '/', '/'];
  expect((await machine.try('chroot', ...script)).stderr).toContain('the agent has made no root');
}

/** Without an enrolment nothing starts. With a broken one, the agent says so from its sandbox. */
async function startsTheAgent(machine: Machine): Promise<void> {
  await machine.run('systemctl', 'start', 'gantry-agent.service');
  expect(await machine.run('journalctl', '-u', 'gantry-agent.service')).toContain('skipped');

  await machine.run('mkdir', '-p', '/var/lib/gantry/agent', '/var/lib/gantry/machine-data/var');
  await machine.run(
    'touch',
    '/var/lib/gantry/agent/config.json',
    '/var/lib/gantry/machine-data/var/kept',
  );
  expect((await machine.try('systemctl', 'start', 'gantry-agent.service')).code).not.toBe(0);
  expect(await machine.run('journalctl', '-u', 'gantry-agent.service')).toMatch(
    /gantry: .*\(\w+\)/,
  );

  // The timer does not end with a run that fails or is skipped.
  const state = () => machine.run('systemctl', 'show', '-P', 'SubState', 'gantry-agent.timer');
  await expect.poll(state, { timeout: 20_000 }).toBe('waiting');
}

async function upgrades(machine: Machine): Promise<void> {
  await machine.run('systemctl', 'disable', '--now', 'gantry-agent.timer');
  await machine.run('apt-get', 'install', '--yes', ...debsOf(2));
  const installed = await machine.run('dpkg-query', '-W', '-f', '${Version}', 'gantry-agent');
  expect(installed).toBe(`${version}-2`);
  // An administrator's choice outlives an upgrade.
  expect(await machine.try('systemctl', 'is-enabled', 'gantry-agent.timer')).toMatchObject({
    stdout: 'disabled\n',
  });
  await machine.run('systemctl', 'enable', '--now', 'gantry-agent.timer');
}

async function removesAndPurges(machine: Machine): Promise<void> {
  const state = () => machine.run('find', '/var/lib/gantry', '-mindepth', '1');
  await machine.run('apt-get', 'remove', '--yes', 'gantry-agent');
  expect((await machine.try('systemctl', 'is-active', 'gantry-agent.timer')).code).not.toBe(0);
  expect(await state()).toContain('agent/config.json');

  for (const folder of ['store', 'images', 'generations/1', 'services', 'boot'])
    await machine.run('mkdir', '-p', `/var/lib/gantry/${folder}`);
  await machine.run('apt-get', 'purge', '--yes', 'gantry-agent', 'gantry');
  expect((await state()).split('\n').sort()).toEqual([
    '/var/lib/gantry/machine-data',
    '/var/lib/gantry/machine-data/var',
    '/var/lib/gantry/machine-data/var/kept',
  ]);
  expect((await machine.try('ls', '/usr/lib/gantry', '/usr/bin/gantry')).stdout).toBe('');
}
