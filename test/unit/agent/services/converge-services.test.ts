import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentPaths } from '../../../../agent/paths.ts';
import { machineUnit } from '../../../../agent/services/machine-unit.ts';
import { RootUsers } from '../../../../agent/services/root-users.ts';
import { servicesRunPath } from '../../../../agent/services/runtime.ts';
import type { Machine } from '../../../support/nspawn.ts';
import { requires } from '../../../support/requirements.ts';
import { bootMachine, canBoot, makeMachineTree, toBoot } from './boot-here.ts';

const script = '/gantry/test/unit/agent/services/converge-here.ts';
const work = mkdtempSync(join(tmpdir(), 'gantry-services-'));
const root = join(work, 'root');
/** The agent's directory, and its generations, as the machine sees them. */
const dir = '/srv/gantry';

let machine: Machine;
beforeAll(async () => {
  if (!canBoot) return;

  await makeMachineTree(work);
  for (const generation of [1, 2]) makeGeneration(generation);
  mkdirSync(join(root, dir, 'machine-data/var/lib'), { recursive: true });

  machine = await bootMachine('gantry-services', work);
}, 600_000);
afterAll(async () => {
  await machine?.stop();
  rmSync(work, { recursive: true, force: true });
}, 120_000);
beforeEach(async (context) => {
  requires(context, ...toBoot);
  await converge([]);
  await starts();
}, 120_000);

/** A root with the programs of the machine. Its file /etc/name is its number. */
function makeGeneration(number: number): void {
  const generation = join(root, dir, 'generations', String(number));
  mkdirSync(generation, { recursive: true });
  execFileSync('cp', ['-al', join(root, 'usr'), generation]);

  for (const name of ['bin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(generation, name));
  for (const name of ['etc', 'machine-data', 'run/gantry', 'proc', 'sys', 'dev', 'tmp'])
    mkdirSync(join(generation, name), { recursive: true });
  symlinkSync('../../machine-data/var', join(generation, 'var'));
  writeFileSync(join(generation, 'etc/name'), `${number}\n`);
  writeFileSync(join(generation, 'run/gantry/metadata.json'), '{}\n');
}

interface Wanted {
  name: string;
  digest?: string;
  lines?: string[];
  command?: string;
  after?: string[];
  after_healthy?: string[];
  health?: object | null;
  reboot_required?: boolean;
}

const run = servicesRunPath(agentPaths(dir));
const users = new RootUsers('app:x:1234:1235::/srv/app:/bin/sh\n', 'app:x:1235:\n');

/** systemd waits for it, so the note is there once the unit is started. */
const noteStart = (name: string) => `ExecStartPre=-!/bin/sh -c 'echo ${name} >> /run/starts'`;

function toService(
  { name, digest = '1', lines = [], command, ...rest }: Wanted,
  generation: number,
) {
  const place = {
    root: `${dir}/generations/${generation}`,
    machineData: `${dir}/machine-data`,
    run,
    users,
    findFile: () => null,
    names: new Map<string, string>(),
  };
  const exec = `ExecStart=${command ?? '/bin/sleep infinity'}\n${noteStart(name)}`;
  const unit = `gantry-${name}:main.service`;
  const made = machineUnit({ unit, texts: [['[Service]', exec, ...lines].join('\n')] }, place);

  const after = (rest.after ?? []).map((one) => `gantry-${one}:main.service`);
  return {
    ...made,
    digest,
    after,
    after_healthy: (rest.after_healthy ?? []).map((one) => `gantry-${one}:main.service`),
    health: rest.health ?? null,
    reboot_required: rest.reboot_required ?? false,
  };
}

interface Outcome {
  faults: string[];
  judged: string[];
  restarted: string[];
  pendingReboot: string[];
}

function writeRecord(wanted: Wanted[], generation: number, probes: object[]): void {
  const services = wanted.map((one) => toService(one, generation));
  const record = { root: `${dir}/generations/${generation}`, run, services, probes };
  writeFileSync(join(root, 'record.json'), JSON.stringify(record));
}

async function converge(
  wanted: Wanted[],
  { generation = 1, probes = [] as object[], isJudged = false } = {},
): Promise<Outcome> {
  writeRecord(wanted, generation, probes);
  return JSON.parse(
    await machine.run('node', script, dir, '/record.json', isJudged ? 'judge' : ''),
  );
}

async function property(name: string, key: string): Promise<string> {
  return machine.run(
    'systemctl',
    'show',
    '--value',
    `--property=${key}`,
    `gantry-${name}:main.service`,
  );
}

async function starts(): Promise<string> {
  const found = await machine.run(
    'sh',
    '-c',
    'cat /run/gantry-agent/*/run/starts; rm -f /run/gantry-agent/*/run/starts',
  );
  return found.replaceAll('\n', ' ');
}

const timeout = 180_000;

describe('the services of a machine with its own systemd', { timeout }, () => {
  it('run in the generation as the numbers of its users, with the data of the machine', async () => {
    const command = `/bin/sh -c 'cat /etc/name > /var/lib/app/name; id -u > /run/app/uid; echo $HOME $STATE_DIRECTORY > /run/app/home; exec sleep infinity'`;
    const lines = [
      'User=app',
      'RuntimeDirectory=app',
      'StateDirectory=app',
      'ProtectSystem=strict',
    ];
    const outcome = await converge([{ name: 'app', command, lines }], { isJudged: true });
    expect(outcome).toEqual({
      faults: [],
      judged: [],
      restarted: ['gantry-app:main.service'],
      pendingReboot: [],
    });

    expect(readFileSync(join(root, dir, 'machine-data/var/lib/app/name'), 'utf8')).toBe('1\n');
    expect(await machine.run('sh', '-c', 'cat /run/gantry-agent/*/run/app/*')).toBe(
      '/srv/app /var/lib/app\n1234',
    );
    expect(await machine.run('stat', '-c', '%u:%g', `${dir}/machine-data/var/lib/app`)).toBe(
      '1234:1235',
    );
  });

  it('start in order, restart alone, and stop in reverse', async () => {
    await converge([{ name: 'web', after: ['db'] }, { name: 'db' }]);
    expect(await starts()).toBe('db web');
    const before = await property('db', 'MainPID');

    const changed = await converge([{ name: 'web', digest: '2', after: ['db'] }, { name: 'db' }], {
      generation: 2,
    });
    expect(changed.restarted).toEqual(['gantry-web:main.service']);
    expect(await starts()).toBe('web');
    expect(await property('db', 'MainPID')).toBe(before);
    // Both units have the new root; db's process keeps the old one until it restarts.
    expect(await property('db', 'RootDirectory')).toBe(`${dir}/generations/2`);
    expect(await machine.run('cat', `/proc/${before}/root/etc/name`)).toBe('1');

    expect(
      (
        await converge([{ name: 'web', digest: '2', after: ['db'] }, { name: 'db' }], {
          generation: 2,
        })
      ).restarted,
    ).toEqual([]);

    await converge([{ name: 'web', digest: '2' }], { generation: 2 });
    expect(await property('db', 'ActiveState')).toBe('inactive');
    expect(await property('db', 'LoadState')).toBe('not-found');
    expect(await property('web', 'ActiveState')).toBe('active');
  });

  it('wait for what must be healthy first', async () => {
    const port = 20_000 + (process.pid % 10_000);
    const listen = `sleep 2; my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1:${port}"); sleep 600`;
    const times = { interval_s: 1, timeout_s: 1, initial_delay_s: 0 };
    const { faults } = await converge([
      { name: 'web', after: ['db'], after_healthy: ['db'] },
      {
        name: 'db',
        command: `/usr/bin/perl -MIO::Socket::INET -e '${listen.replaceAll('$', '$$')}'`,
        health: { kind: 'tcp', host: '127.0.0.1', port, ...times },
      },
    ]);

    expect(faults).toEqual([]);
    const [db, web] = await Promise.all(
      ['db', 'web'].map((name) => property(name, 'ActiveEnterTimestampMonotonic')),
    );
    expect(Number(web) - Number(db)).toBeGreaterThan(1_500_000);
  });

  it('that do not come up are named, with the last lines of their journal', async () => {
    const crash = `/bin/sh -c 'echo no disk left; echo at all >&2; exit 3'`;
    const { judged, faults } = await converge(
      [
        { name: 'crash', command: crash },
        { name: 'loop', command: crash, lines: ['Restart=always', 'RestartSec=200ms'] },
        { name: 'gone', command: '/usr/bin/nothing' },
        { name: 'good' },
      ],
      { isJudged: true },
    );
    expect(faults.concat(judged).sort()).toEqual([
      expect.stringMatching(
        /^service_failed: gantry-crash:main\.service failed \(exit-code\): .*no disk left \| at all/,
      ),
      expect.stringMatching(/^service_failed: gantry-gone:main\.service .*/),
      expect.stringMatching(/^service_failed: gantry-loop:main\.service .*no disk left/),
    ]);
    expect(await property('good', 'ActiveState')).toBe('active');
  });

  it('that the machine has itself are refused, and stay', async () => {
    writeFileSync(
      join(root, 'etc/systemd/system/gantry-own:main.service'),
      '[Service]\nExecStart=/bin/sleep infinity\n',
    );
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'start', 'gantry-own:main.service');
    const before = await property('own', 'MainPID');

    const { faults, restarted } = await converge([{ name: 'own' }, { name: 'good' }]);
    expect(faults).toEqual([
      "unit_foreign: Expected no unit gantry-own:main.service but this agent's, found /etc/systemd/system/gantry-own:main.service. Remove that one, or rename the service.",
    ]);
    expect(restarted).toEqual(['gantry-good:main.service']);
    await converge([]);
    expect(await property('own', 'MainPID')).toBe(before);

    rmSync(join(root, 'etc/systemd/system/gantry-own:main.service'));
    await machine.run('systemctl', 'stop', 'gantry-own:main.service');
    await machine.run('systemctl', 'daemon-reload');
  });

  it('that need a boot keep their version until then', async () => {
    await converge([{ name: 'firmware', reboot_required: true }]);
    const before = await property('firmware', 'MainPID');
    expect(
      await converge([{ name: 'firmware', digest: '2', reboot_required: true }]),
    ).toMatchObject({
      pendingReboot: ['gantry-firmware:main.service'],
      restarted: [],
    });
    expect(await property('firmware', 'MainPID')).toBe(before);
  });

  it('are judged by where their root has commands', async () => {
    const probe = (name: string, resolves_to: string) => ({ name, command: 'sleep', resolves_to });
    const { judged } = await converge([], {
      isJudged: true,
      probes: [probe('right', '/usr/bin/sleep'), probe('wrong', '/bin/sleep')],
    });
    expect(judged).toEqual([
      'probe_failed: The probe wrong fails: expected a login shell to find sleep at /bin/sleep, found /usr/bin/sleep.',
    ]);
  });

  it('are as wanted after kill -9 at any step', { timeout: 600_000 }, async () => {
    const first = [{ name: 'a' }, { name: 'b', after: ['a'] }, { name: 'gone' }];
    const second = [
      { name: 'a' },
      { name: 'b', digest: '2', after: ['a'] },
      { name: 'new', after: ['b'] },
    ];
    let kills = 0;

    for (let steps = 0; ; steps++) {
      await converge(first);
      await starts();
      const before = await property('a', 'MainPID');

      writeRecord(second, 2, []);
      const { code } = await machine.try('node', script, dir, '/record.json', String(steps));
      if (code === 0) break;

      kills++;
      await converge(second, { generation: 2 });
      expect(await property('a', 'MainPID')).toBe(before);
      expect(await property('gone', 'LoadState')).toBe('not-found');
      expect(await starts()).toMatch(/^(b )+(new ?)+$/);
      for (const name of ['a', 'b', 'new']) {
        expect(await property(name, 'ActiveState')).toBe('active');
        expect(await property(name, 'RootDirectory')).toBe(`${dir}/generations/2`);
      }
    }
    expect(kills).toBeGreaterThan(8);
  });
});
