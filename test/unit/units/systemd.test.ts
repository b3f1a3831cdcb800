import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isGantryError } from '../../../shared/base/error.ts';
import type { ManifestSudo } from '../../../shared/domain/modules/index.ts';
import { directoryEntry } from '../../support/trees.ts';
import { base, generate } from './factory.ts';
import { hasCommand, run, verifyUnits, writeGenerated } from './materialise.ts';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-units-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const noAnalyze = hasCommand('systemd-analyze') ? '' : 'needs systemd-analyze';

describe.skipIf(noAnalyze)(`systemd-analyze${noAnalyze && ` (${noAnalyze})`}`, () => {
  it('finds nothing wrong in units of every kind', () => {
    const generated = generate([
      {
        manifest: {
          security: {
            capabilities: ['CAP_NET_BIND_SERVICE'],
            apparmor_profile: 'web',
            selinux_profile: 'httpd_t',
            seccomp_profile: 'default',
            egress_allow: ['10.0.0.0/8', '2001:db8::/32', '[2001:db8::1]:443', '192.0.2.1:80'],
            user_namespace: true,
          },
          services: [
            {
              name: 'api',
              start_command: '/usr/bin/env -S "50 %" $HOME ; "" \'single $ quoted\'',
              stop_command: 'true',
              restart_policy: 'always',
              user: 'www-data',
              working_directory: '/srv/with blank/100%',
              env: { QUOTE: 'a "b" \\ c', PERCENT: '%n', UNICODE: 'grüße\t😀' },
              dependencies: [
                { service: 'setup', kind: 'start_before' },
                { service: 'cache', kind: 'softdep' },
              ],
            },
            { name: 'cache', start_command: 'env', restart_policy: 'never' },
            { name: 'setup', unit_body: '[Service]\nType=oneshot\nExecStart=/usr/bin/true' },
          ],
        },
      },
      {
        module: 'old',
        manifest: { init: { start: '/usr/bin/true', stop: 'true', restart: 'true -x' } },
      },
      {
        account: 'other',
        manifest: {
          security: { privileged: true },
          services: [{ name: 'x', start_command: 'env' }],
        },
      },
      {
        module: 'redis',
        manifest: {
          security: { capabilities: [] },
          services: [
            {
              name: 'redis',
              user: 'www-data',
              stop_command: 'true',
              restart_policy: 'always',
              env: { A: 'b' },
            },
          ],
        },
        files: { '/usr/lib/systemd/system/redis.service': '[Service]\nExecStart=/usr/bin/env\n' },
      },
    ]);
    mkdirSync(join(directory, 'packages'));
    writeFileSync(
      join(directory, 'packages', 'redis.service'),
      '[Service]\nExecStart=/usr/bin/env\n',
    );

    expect(verifyUnits(generated, directory)).toEqual({ status: 0, out: '' });
  });
});

const noVisudo = hasCommand('visudo') ? '' : 'needs visudo';

describe.skipIf(noVisudo)(`visudo${noVisudo && ` (${noVisudo})`}`, () => {
  const check = (entries: readonly Partial<ManifestSudo>[]) => {
    const sudoers = entries.map((one, index) => ({
      id: `${index}`,
      user: 'deploy',
      commands: ['/bin/a'],
      ...one,
    }));
    const { entries: made, text } = generate([{ manifest: { sudoers } }]);
    const rules = made.filter(({ type }) => type === 'file').map(({ path }) => text(path));
    writeFileSync(join(directory, 'rules'), rules.join(''), { mode: 0o440 });

    const { status, out } = run('visudo', ['-c', '-f', join(directory, 'rules')]);
    rmSync(join(directory, 'rules'));
    return { status, out, text: rules.join('') };
  };

  it('accepts rules of every kind', () => {
    expect(
      check([
        { commands: ['/usr/sbin/nginx -s reload', '/bin/b x=1,2:3 #4 !6 (7)'] },
        { user: '%wheel', commands: ['ALL'], runas: 'ALL:ALL', flags: ['NOPASSWD', 'SETENV'] },
        { user: '#1000', commands: ['sudoedit /etc/hosts', '/usr/bin/'], runas_group: 'adm' },
        { user: 'sam$', commands: ['/bin/a ""', '/bin/a x\\,y', '/bin/a * [a-z]'] },
      ]),
    ).toMatchObject({ status: 0 });
  });

  it('accepts whatever is not refused', () => {
    const word = fc.string({
      unit: fc.constantFrom(...',:=#!"\'()[]*?\\/ ^$%@+-aü;|&<>~`{}ALL'),
      maxLength: 8,
    });
    const commands = fc.tuple(
      fc.constantFrom('/bin/a', '/bin/', 'sudoedit /etc/x', '/'),
      word,
      word,
    );

    fc.assert(
      fc.property(commands, word, ([path, tail, args], user) => {
        for (const entry of [
          { commands: [`${path}${tail} ${args}`] },
          { user },
          { runas: user },
          { runas_group: user },
        ]) {
          try {
            const { status, out, text } = check([entry]);
            expect({ status, out, text }).toMatchObject({ status: 0 });
          } catch (error) {
            if (!isGantryError(error, 'sudo_invalid')) throw error;
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});

const noDpkg = hasCommand('dpkg-query') ? '' : 'needs dpkg';

describe.skipIf(noDpkg)(`dpkg${noDpkg && ` (${noDpkg})`}`, () => {
  const record = (name: string, version: string) =>
    `Package: ${name}\nStatus: install ok installed\nPriority: optional\nMaintainer: A <a@example.org>\nArchitecture: amd64\nVersion: ${version}\nDescription: one\n two\n .\n three\nArchive-File: pool/a.deb 1 ${'0'.repeat(64)}\n`;

  it('lists the packages of all layers, and their files', () => {
    const generated = generate([
      { files: { '/var/lib/dpkg/status.d/redis': record('redis', '7.0') } },
      {
        module: 'b',
        files: {
          '/var/lib/dpkg/status.d/nginx': record('nginx', '1.22'),
          '/var/lib/dpkg/info/nginx.list': '/.\n/usr/sbin/nginx\n',
          '/var/lib/dpkg/info/format': '1\n',
        },
      },
    ]);
    writeGenerated(generated, directory);
    const admin = join(directory, '/usr/lib/sysimage/dpkg');
    mkdirSync(join(admin, 'info'), { recursive: true });
    for (const [name, text] of [
      ['nginx.list', '/.\n/usr/sbin/nginx\n'],
      ['format', '1\n'],
    ] as const)
      writeFileSync(join(admin, 'info', name), text);

    expect(run('dpkg-query', [`--admindir=${admin}`, '-W'])).toEqual({
      status: 0,
      out: 'nginx\t1.22\nredis\t7.0\n',
    });
    expect(run('dpkg-query', [`--admindir=${admin}`, '-S', '/usr/sbin/nginx']).out).toContain(
      'nginx: /usr/sbin/nginx\n',
    );

    const paths = generated.root.map(({ path }) => path).filter((path) => path.includes('dpkg'));
    expect(paths).toEqual([
      '/usr/lib/sysimage/dpkg',
      '/usr/lib/sysimage/dpkg/available',
      '/usr/lib/sysimage/dpkg/diversions',
      '/usr/lib/sysimage/dpkg/info',
      '/usr/lib/sysimage/dpkg/info/format',
      '/usr/lib/sysimage/dpkg/info/nginx.list',
      '/usr/lib/sysimage/dpkg/statoverride',
      '/usr/lib/sysimage/dpkg/status',
      '/usr/lib/sysimage/dpkg/status.d',
      '/usr/lib/sysimage/dpkg/triggers',
      '/usr/lib/sysimage/dpkg/updates',
      '/var/lib/dpkg',
    ]);
    expect(generated.root.find(({ path }) => path === '/var/lib/dpkg')?.target).toBe(
      '/usr/lib/sysimage/dpkg',
    );
  });
});

const noTmpfiles =
  hasCommand('systemd-tmpfiles') && process.getuid?.() === 0
    ? ''
    : 'needs root and systemd-tmpfiles';

describe.skipIf(noTmpfiles)(`systemd-tmpfiles${noTmpfiles && ` (${noTmpfiles})`}`, () => {
  it('lays out what a machine lacks below /var, and leaves what it has', () => {
    const files = {
      '/var/lib/redis/.gitkeep': '',
      '/var/lib/odd %n "name"\n/a': 'a',
      '/var/www/index.html': 'new',
    };
    const odd = '"../a b" %n \\x41 \t\'ü';
    const generated = generate(
      [
        {
          manifest: { users: [{ name: 'deploy', uid: 450, home: '/var/lib/deploy' }] },
          files: { ...files, '/var/run': '-> /run', '/var/dash': '-> -', '/var/odd': `-> ${odd}` },
          entries: [directoryEntry('/var/lib/redis', { mode: 0o750, uid: 407, gid: 407 })],
        },
      ],
      { base: { ...base, '/usr/bin/systemd-tmpfiles': 'x' } },
    );

    writeGenerated(generated, directory);
    const factory = join(directory, 'usr/share/factory');
    for (const [path, text] of Object.entries(files)) writeFileSync(join(factory, path), text);
    run('chown', ['407:407', join(factory, 'var/lib/redis')]);
    run('chmod', ['750', join(factory, 'var/lib/redis')]);
    mkdirSync(join(directory, 'var/www'), { recursive: true });
    writeFileSync(join(directory, 'var/www/index.html'), 'mine');
    mkdirSync(join(directory, 'etc'), { recursive: true });

    expect(run('systemd-tmpfiles', [`--root=${directory}`, '--create'])).toEqual({
      status: 0,
      out: '',
    });
    const shown = run('find', [join(directory, 'var'), '-printf', '%P %m %U %y %l\\0']).out;
    expect(
      shown
        .split('\0')
        .filter((line) => line !== '')
        .sort(),
    ).toEqual([
      ' 755 0 d ',
      'dash 777 0 l -',
      'lib 755 0 d ',
      'lib/deploy 750 450 d ',
      'lib/odd %n "name"\n 755 0 d ',
      'lib/odd %n "name"\n/a 644 0 f ',
      'lib/redis 750 407 d ',
      'lib/redis/.gitkeep 644 0 f ',
      `odd 777 0 l ${odd}`,
      'run 777 0 l /run',
      'www 755 0 d ',
      'www/index.html 644 0 f ',
    ]);
    expect(readFileSync(join(directory, 'var/www/index.html'), 'utf8')).toBe('mine');
  });
});
