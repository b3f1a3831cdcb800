import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const scratch = mkdtempSync(join(tmpdir(), 'gantry-validate-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const entry = new URL('../../../../bin/gantry', import.meta.url).pathname;

function validate(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(entry, ['module', 'validate', ...args], { cwd: scratch, encoding: 'utf8' });
}

function file(name: string, text: string): string {
  writeFileSync(join(scratch, name), text);
  return name;
}

const bad = 'schema_version: 1\nname: Bad\nfile_spec:\n  include: ["["]\n';

describe('gantry module validate', () => {
  test('a valid manifest exits with 0, by default the one of the current directory', () => {
    file('manifest.yaml', 'schema_version: 1\nname: a\nfile_spec: ["/**"]\n');
    expect(validate()).toEqual(
      expect.objectContaining({ status: 0, stdout: 'manifest.yaml is valid\n', stderr: '' }),
    );
    expect(validate(scratch)).toMatchObject({ status: 0 });
  });

  test('an invalid one exits with 1 and prints one line per problem, which starts with its position', () => {
    const { status, stdout } = validate(file('bad.yaml', bad));
    expect(status).toBe(1);

    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^bad\.yaml:2:7 name expected lower-case letters/),
      'bad.yaml:4:3 file_spec.include warning: file_spec.include is the older nested form; write file_spec',
      expect.stringMatching(/^bad\.yaml:4:13 file_spec\.include\[0\] "\[" is not a usable glob/),
    ]);
  });

  test('--json prints {valid, errors, warnings, effects, generated, conflicts}', () => {
    const { status, stdout } = validate('--json', file('bad.yaml', bad));
    expect(status).toBe(1);

    expect(JSON.parse(stdout)).toEqual({
      valid: false,
      errors: [
        expect.objectContaining({ path: 'name' }),
        expect.objectContaining({ line: 4, column: 13 }),
      ],
      warnings: [expect.objectContaining({ severity: 'warning', path: 'file_spec.include' })],
      effects: [],
      generated: [],
      conflicts: [],
    });
  });

  test('names files of rootfs/ that do not ship, and shows what the module does to machines', () => {
    const directory = join(scratch, 'redis');
    mkdirSync(join(directory, 'rootfs/etc'), { recursive: true });
    writeFileSync(join(directory, 'rootfs/etc/redis.conf'), 'port 6379\n');
    writeFileSync(
      join(directory, 'manifest.yaml'),
      'schema_version: 1\nname: redis\npackage_spec: [redis-server]\nsecurity: {privileged: true}\n',
    );

    const { status, stdout } = validate('redis');
    expect([status, stdout.trimEnd().split('\n')]).toEqual([
      0,
      [
        'redis/manifest.yaml file_spec warning: NOTHING OF rootfs/ SHIPS: file_spec is empty, and rootfs/ has 1 file: ' +
          '/etc/redis.conf; add them to file_spec, or to mask if they stay out on purpose',
        'redis/manifest.yaml warning: Its services have every right of root, because it is privileged. Machines get it by the policy module_assign_privileged',
        '  privileged: yes',
        'redis/manifest.yaml is valid',
      ],
    ]);
  });

  test('names the rights that rootfs.attrs gives, and services that run as root', () => {
    const directory = join(scratch, 'ping');
    mkdirSync(join(directory, 'rootfs/usr/bin'), { recursive: true });
    for (const name of ['ping', 'pong'])
      writeFileSync(join(directory, 'rootfs/usr/bin', name), name, { mode: 0o755 });
    writeFileSync(
      join(directory, 'rootfs.attrs'),
      '/usr/bin/ping - - - cap_net_raw=ep\n/usr/bin/pong 4750 ponger 7\n/usr/bin/other 4755\n',
    );
    writeFileSync(
      join(directory, 'manifest.yaml'),
      'schema_version: 1\nname: ping\nfile_spec: [/usr/bin/**]\npackage_spec: [other]\n' +
        'users: [{name: ponger, uid: 700}]\n' +
        'services: [{name: ping, start_command: /usr/bin/ping}, {name: pong, start_command: /usr/bin/pong, user: ponger}]\n',
    );

    const { status, stdout } = validate('ping');
    expect(status).toBe(0);
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining([
        'ping/manifest.yaml warning: It ships files that run as their owner or group: /usr/bin/pong (4750 700:7), /usr/bin/other (4755 0:0). Machines get it by the policy module_assign_privileged',
        'ping/manifest.yaml warning: Services without user run as root: ping. Name a user where you can',
        '  service ping: /usr/bin/ping, as root',
      ]),
    );
    expect(stdout).toContain('It ships files with Linux capabilities: /usr/bin/ping (');
  });

  test('shows the units and rules that machines get, with what is wrong with them', () => {
    const manifest = (command: string) =>
      `schema_version: 1\nname: web\nservices: [{name: api, start_command: ${command}}]\n` +
      'sudoers: [{id: reload, user: deploy, commands: [/usr/bin/systemctl reload nginx]}]\n';

    const { status, stdout } = validate(file('web.yaml', manifest('/usr/bin/web --share 50%')));
    expect(status).toBe(0);
    expect(stdout).toContain('  generated /usr/lib/systemd/system/gantry-web:api.service\n');
    expect(stdout).toMatch(/^ {4}ExecStart=.*50%%/m);
    expect(stdout).toContain('  generated /etc/sudoers.d/gantry-');
    expect(stdout).toContain('warning: It lets users run commands with sudo: deploy runs');
    expect(stdout).not.toMatch(/systemd-analyze:|visudo:/);
  });

  test('adds users to the databases that a module ships', () => {
    const directory = mkdtempSync(join(scratch, 'users-'));
    mkdirSync(join(directory, 'rootfs/etc'), { recursive: true });
    const root = 'root:x:0:0:root:/root:/bin/bash\n';
    writeFileSync(join(directory, 'rootfs/etc/passwd'), root);
    writeFileSync(
      join(directory, 'manifest.yaml'),
      'schema_version: 1\nname: base\nfile_spec: ["/**"]\nusers: [{name: deploy, uid: 500}]\n',
    );

    const { status, stdout } = validate('--json', directory);
    expect(status).toBe(0);
    expect(JSON.parse(stdout).generated).toContainEqual({
      path: '/etc/passwd',
      text: `${root}deploy:x:500:500::/:/usr/sbin/nologin\n`,
    });
    // So small a file has its content in the image.
    expect(JSON.parse(stdout).generated).toContainEqual({
      path: '/etc/group',
      text: 'deploy:x:500:\n',
    });
  });

  test('a file that is too long is invalid, not an error of the command', () => {
    const { status, stdout } = validate(file('long.yaml', `#${'x'.repeat(2 ** 21)}`));
    expect([status, stdout]).toEqual([
      1,
      expect.stringMatching(/^long\.yaml:1:1 expected at most 1048576 bytes/),
    ]);
  });

  test('a missing manifest exits with 2', () => {
    expect(validate('nowhere')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('io_error'),
    });
  });
});
