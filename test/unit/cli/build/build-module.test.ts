import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type BuildOptions, buildModule } from '../../../../cli/build/build-module.ts';
import { sourceDate } from '../../../../cli/build/source-date.ts';
import { readModuleTar, verifyModuleTar } from '../../../../shared/artifact/index.ts';

const manifestYaml =
  'schema_version: 1\nname: my-redis\nfile_spec: ["/etc/**", "/usr/bin/*"]\nmask: ["*.bak"]\n';
const big = 'content '.repeat(100_000);

/** A module repository in a directory of its own, outside any git repository. */
function repository(manifest = manifestYaml, umask = 0o022): string {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-build-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));

  const put = (path: string, content: string, mode: number) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true, mode: 0o777 & ~umask });
    writeFileSync(join(directory, path), content);
    chmodSync(join(directory, path), mode & ~umask);
    utimesSync(join(directory, path), umask * 1000, umask * 1000);
  };

  put('manifest.yaml', manifest, 0o666);
  put('rootfs/etc/redis/redis.conf', 'port 6379\n', 0o666);
  put('rootfs/etc/redis/redis.conf.bak', 'old', 0o666);
  put('rootfs/etc/empty/.gitkeep', '', 0o666);
  put('rootfs/usr/bin/redis', big, 0o777);
  put('rootfs/usr/share/unselected', 'x', 0o666);
  symlinkSync('/etc/redis/redis.conf', join(directory, 'rootfs/etc/redis.conf'));

  return directory;
}

const build = (directory: string, options: Partial<BuildOptions> = {}) =>
  buildModule({
    directory,
    out: join(directory, 'dist'),
    dryRun: false,
    sourceDateEpoch: '1700000000',
    ...options,
  });

const unselected = expect.stringMatching(
  /^file_spec: does not ship 1 file of rootfs\/: \/usr\/share\/unselected;/,
);

describe('building a module', () => {
  test('a dry run writes the normalised manifest and what would ship, nothing else', async () => {
    const directory = repository(`${manifestYaml}package_spec: [redis-server, redis-tools]\n`);
    const result = await build(directory, { dryRun: true });
    const read = (name: string) => readFileSync(join(directory, 'dist', name), 'utf8');

    expect(readdirSync(join(directory, 'dist')).sort()).toEqual([
      'file-list.txt',
      'manifest.json',
      'package-list.txt',
    ]);

    expect(read('file-list.txt')).toBe(
      '/etc/empty/.gitkeep\n/etc/redis.conf\n/etc/redis/redis.conf\n/usr/bin/redis\n',
    );
    expect(read('package-list.txt')).toBe('redis-server\nredis-tools\n');
    expect(JSON.parse(read('manifest.json'))).toMatchObject({
      name: 'my-redis',
      package_spec: ['redis-server', 'redis-tools'],
    });
    expect(result).toMatchObject({ dry_run: true, files: 4, packages: 2, warnings: [unselected] });
  });

  // vbatts/tar-split#18, moby/moby#16516, bootcrew/ubuntu-bootc#4.
  test('a name in ISO 8859-1 stops a build only where it ships', async () => {
    const yaml = (mask: string) =>
      `schema_version: 1\nname: x\nfile_spec: ["/usr/share/x/**"]\nmask: [${mask}]\n`;
    const directory = repository(yaml('tests/'));
    const tests = join(directory, 'rootfs/usr/share/x/tests');
    mkdirSync(tests, { recursive: true });
    writeFileSync(join(directory, 'rootfs/usr/share/x/a'), 'a');
    writeFileSync(Buffer.from(`${tests}/caf\xe9`, 'latin1'), 'b');
    mkdirSync(Buffer.from(`${tests}/d\xe9p\xf4t`, 'latin1'));
    writeFileSync(Buffer.from(`${tests}/d\xe9p\xf4t/c`, 'latin1'), 'c');
    symlinkSync(Buffer.from('caf\xe9', 'latin1'), join(tests, 'link'));

    await build(directory);
    expect(readFileSync(join(directory, 'dist/file-list.txt'), 'utf8')).toBe('/usr/share/x/a\n');

    const refused = { code: 'tar_path_not_utf8' };
    writeFileSync(join(directory, 'manifest.yaml'), yaml('"link"'));
    await expect(build(directory)).rejects.toMatchObject({
      ...refused,
      message: expect.stringMatching(/^expected UTF-8 in the names that ship, found .*or mask it$/),
    });

    writeFileSync(join(directory, 'manifest.yaml'), yaml('"caf*", "d*p*t/"'));
    await expect(build(directory)).rejects.toMatchObject({
      ...refused,
      message: expect.stringMatching(
        /the target of the symlink rootfs\/usr\/share\/x\/tests\/link/,
      ),
    });
  });

  // moby/moby#36239, Icinga/docker-icingaweb2#31.
  test('modes that git loses are named, also those of directories', async () => {
    const directory = repository();
    chmodSync(join(directory, 'rootfs/etc/redis/redis.conf'), 0o600);
    chmodSync(join(directory, 'rootfs/usr/bin/redis'), 0o4755);
    chmodSync(join(directory, 'rootfs/etc/redis'), 0o700);
    chmodSync(join(directory, 'rootfs/etc/empty'), 0o2755);
    const lost =
      'git keeps no mode but the executable bit, so these ship as 0644 or 0755: ' +
      '/usr/bin/redis (04755), /etc/redis/redis.conf (0600), /etc/redis (0700); write the modes into rootfs.attrs';
    expect((await build(directory, { dryRun: true })).warnings).toEqual([unselected, lost]);

    writeFileSync(
      join(directory, 'rootfs.attrs'),
      '/etc/redis/redis.conf 0600\n/usr/bin/redis 4755\n/etc/redis 0700\n',
    );
    expect((await build(directory, { dryRun: true })).warnings).toEqual([
      unselected,
      expect.stringContaining('It ships files that run as their owner or group: /usr/bin/redis'),
    ]);
  });

  test('a real build writes a module tar that reads back and verifies', async () => {
    const directory = repository();
    const result = await build(directory);
    const tar = await readModuleTar(createReadStream(join(directory, 'dist/module.tar')), {
      allowDevices: false,
    });

    expect(verifyModuleTar(tar).digest).toBe(result.composefs_digest);
    expect(tar.manifestJson).toBe(readFileSync(join(directory, 'dist/manifest.json'), 'utf8'));
    expect(tar.size).toBe(result.layer_size);

    expect(tar.entries.map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      '/ 755',
      '/etc 755',
      '/etc/empty 755',
      '/etc/empty/.gitkeep 644',
      '/etc/redis 755',
      '/etc/redis.conf 777',
      '/etc/redis/redis.conf 644',
      '/usr 755',
      '/usr/bin 755',
      '/usr/bin/redis 755',
    ]);

    expect(
      tar.entries.every(
        (entry) => entry.mtime === 1_700_000_000 && entry.uid === 0 && entry.gid === 0,
      ),
    ).toBe(true);
  });

  test('--rootfs-only leaves the packages out, of the manifest too, and says so', async () => {
    const directory = repository(`${manifestYaml}package_spec: [redis-server]\n`);
    const result = await build(directory, { rootfsOnly: true });

    expect(result).toMatchObject({ packages: 0, packages_left_out: ['redis-server'] });
    expect(result.warnings).toEqual([
      'built without the packages of package_spec: redis-server',
      unselected,
    ]);
    expect(result.layer_digest).toBe((await build(repository())).layer_digest);

    const packagesOnly = repository(
      'schema_version: 1\nname: my-redis\npackage_spec: [redis-server]\n',
    );
    await expect(build(packagesOnly, { rootfsOnly: true })).rejects.toMatchObject({
      code: 'package_build_unsupported',
      field: 'file_spec',
    });
  });

  test('the same input gives the same bytes, whatever the directory, umask and times', async () => {
    const [one, other] = [repository(), repository(manifestYaml, 0o077)];
    const results = [await build(one), await build(other)];

    expect(results[0]?.layer_digest).toBe(results[1]?.layer_digest);
    const bytes = [one, other].map((directory) => readFileSync(join(directory, 'dist/module.tar')));

    expect(bytes[0]?.equals(bytes[1] as Buffer)).toBe(true);
  });

  test('packages are refused by a real build before anything is written', async () => {
    const directory = repository(`${manifestYaml}package_spec: [redis-server]\n`);
    await expect(build(directory)).rejects.toMatchObject({
      code: 'package_build_unsupported',
      field: 'package_spec',
    });
    expect(existsSync(join(directory, 'dist'))).toBe(false);
  });

  test('a build that fails leaves the earlier module tar and nothing half written', async () => {
    const directory = repository();
    await build(directory);

    const before = readFileSync(join(directory, 'dist/module.tar'));
    execFileSync('mkfifo', [join(directory, 'rootfs/etc/fifo')]);
    await expect(build(directory)).rejects.toMatchObject({
      code: 'tree_invalid',
      field: '/etc/fifo',
    });
    expect(readFileSync(join(directory, 'dist/module.tar')).equals(before)).toBe(true);
    expect(readdirSync(join(directory, 'dist'))).toHaveLength(6);
  });

  test('symlinks in rootfs are never followed, and rootfs must not be a symlink', async () => {
    const directory = repository();
    symlinkSync('/usr', join(directory, 'rootfs/etc/usr'));
    await build(directory);

    expect(
      readFileSync(join(directory, 'dist/file-list.txt'), 'utf8')
        .split('\n')
        .filter((path) => path.startsWith('/etc/usr')),
    ).toEqual(['/etc/usr']);

    const linked = repository();
    rmSync(join(linked, 'rootfs'), { recursive: true });
    symlinkSync('/etc', join(linked, 'rootfs'));
    await expect(build(linked)).rejects.toMatchObject({ code: 'io_error' });
  });

  test('a missing manifest, and one with problems, are reported', async () => {
    const directory = repository('name: [1]\n');
    await expect(build(directory)).rejects.toMatchObject({ code: 'ModuleManifestSchemaError' });
    rmSync(join(directory, 'manifest.yaml'));
    await expect(build(directory)).rejects.toMatchObject({ code: 'io_error' });
  });
});

describe('the time of a build', () => {
  const git = (cwd: string, ...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
      cwd,
      stdio: 'pipe',
      env: { ...process.env, GIT_COMMITTER_DATE: '1600000000 +0200' },
    });

  test('is SOURCE_DATE_EPOCH, else the last commit’s, else 0', async () => {
    const directory = repository();
    expect(await sourceDate(directory, undefined)).toEqual({ seconds: 0 });
    git(directory, 'init', '-q');
    expect(await sourceDate(directory, '')).toEqual({ seconds: 0 });
    git(directory, 'commit', '-q', '--allow-empty', '-m', 'x');
    expect(await sourceDate(directory, undefined)).toEqual({ seconds: 1_600_000_000 });
    expect(await sourceDate(directory, '12')).toEqual({ seconds: 12 });
    await expect(sourceDate(directory, 'yesterday')).rejects.toMatchObject({ code: 'usage' });
  });

  test('is 0 with a warning if git cannot read its repository', async () => {
    const directory = repository();
    git(directory, 'init', '-q');
    writeFileSync(join(directory, '.git/HEAD'), 'ref: refs/heads/main\n');
    writeFileSync(join(directory, '.git/config'), '[core\n');

    const date = await sourceDate(directory, undefined);
    expect(date.seconds).toBe(0);
    expect(date.warning).toMatch(
      /^all times are 0, because git cannot read the last commit: .*config/,
    );
  });
});

describe('gantry module build', () => {
  const gantry = (args: string[], cwd: string) =>
    execFileSync(
      join(import.meta.dirname, '../../../../bin/gantry'),
      ['module', 'build', ...args],
      {
        cwd,
        encoding: 'utf8',
        stdio: 'pipe',
        env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' },
      },
    );

  test('builds the current directory or the one named, and prints the digests', async () => {
    const directory = repository();
    const result = JSON.parse(gantry(['--json', '--platform', 'ubuntu-24.04-amd64'], directory));

    expect(result).toMatchObject({
      name: 'my-redis',
      platform: 'ubuntu-24.04-amd64',
      outputs: { module: 'dist/module.tar' },
    });

    const expected = (await build(directory)).composefs_digest;
    expect(result.composefs_digest).toBe(expected);
    expect(gantry([directory, '--out', join(directory, 'elsewhere')], '/')).toContain(
      `composefs digest ${expected}`,
    );
    expect(existsSync(join(directory, 'elsewhere/module.tar'))).toBe(true);
  });

  test('builds each of several platforms to a directory of its own', () => {
    const directory = repository();
    const platforms = ['debian-12-amd64', 'debian-12-arm64'];
    const flags = platforms.flatMap((platform) => ['--platform', platform]);
    const { builds } = JSON.parse(gantry(['--json', ...flags], directory));

    expect(builds.map(({ platform }: { platform: string }) => platform)).toEqual(platforms);
    for (const platform of platforms)
      expect(existsSync(join(directory, 'dist', platform, 'module.tar'))).toBe(true);
  });

  test('shows the units that machines get, and warns of those that they lack', async () => {
    const service = (command: string) =>
      `${manifestYaml}services: [{name: api, start_command: ${command}}]\n`;
    const unit = '  generated /usr/lib/systemd/system/gantry-my-redis:api.service\n';
    const directory = repository(service('redis'));
    for (const flags of [[], ['--dry-run']]) {
      const said = gantry([directory, ...flags], '/');
      expect(said).toContain(unit);
      expect(said).toContain('\n    ExecStart=/usr/bin/redis\n');
    }

    const { warnings, generated } = await build(repository(service('redis-cli')));
    expect(generated).toEqual([]);
    expect(warnings).toContainEqual(
      expect.stringMatching(/^expected the start_command of .* found "redis-cli"$/),
    );
  });

  test('ends with 2 and one sentence on an error', () => {
    const directory = repository();
    rmSync(join(directory, 'manifest.yaml'));
    try {
      gantry([], directory);
      expect.unreachable();
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string };
      expect(status).toBe(2);
      expect(stderr).toMatch(/^gantry: expected a manifest at .*\(io_error\)\n$/);
    }
  });
});
