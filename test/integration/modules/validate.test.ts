import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { accountConflicts } from '../../../shared/actions/modules/index.ts';
import { mapConcurrently } from '../../../shared/base/concurrency.ts';
import { validateManifestAnswer } from '../../../shared/contract/modules/index.ts';
import { parseManifest } from '../../../shared/manifest/index.ts';
import { createModule, createVersion } from '../../../shared/store/modules/index.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { storedModule, storedVersion } from '../../support/stored.ts';
import { authorKey, World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
const gantryProgram = new URL('../../../bin/gantry', import.meta.url).pathname;
const conf = '/etc/nginx/nginx.conf';

describe('a manifest is compared with the modules of its account', () => {
  let registry: DockerRegistry;
  let world: World;
  let directory: string;
  const key = authorKey();

  beforeAll(async () => {
    registry = await startDockerRegistry();
    world = await World.create(registry.host);
    directory = await mkdtemp(join(tmpdir(), 'gantry-draft-'));
    await world.register('nginx', key);

    const files = {
      [conf.slice(1)]: 'worker_processes 1;\n',
      'etc/nginx/mime.types': 'types {}\n',
    };
    await world.ingest(
      { name: 'nginx', files, manifest: `protected_spec: ["${conf}"]` },
      'v1.0.0',
      key,
    );

    // Registered without any version: nothing of it can conflict.
    await world.register('empty', key);
  });

  afterAll(async () => {
    await world.close();
    await registry.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function ask(body: Record<string, unknown>) {
    const response = await fetch(`${publicUrl}/api/v1/manifests/validate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

    expect(response.status).toBe(200);
    return validateManifestAnswer.parse(await response.json());
  }

  const manifest = (file_spec: string[], protected_spec: string[] = []) =>
    JSON.stringify({ schema_version: 1, name: 'edge', file_spec, protected_spec });
  const conflict = (kind: string, path: string, certain: boolean) => ({
    kind,
    path,
    certain,
    module: `${world.account}/nginx`,
  });

  it('and learns each conflict, at the priority of its category', async () => {
    const dropped = await ask({
      manifest_yaml: manifest([conf]),
      category_slug: 'network-overlay',
    });
    expect(dropped).toMatchObject({
      valid: true,
      errors: [],
      conflicts: [conflict('would_be_dropped', conf, true)],
    });

    expect(dropped.conflicts[0]?.message).toContain(
      `(${world.account}/edge 60, ${world.account}/nginx 90)`,
    );

    const both = await ask({
      manifest_yaml: manifest(['/etc/**'], ['/etc/nginx/**']),
      category_slug: 'userland',
    });
    expect(both.conflicts).toMatchObject([
      conflict('would_drop', '/etc/nginx/mime.types', false),
      conflict('both_protect', conf, false),
    ]);
  });

  it('and exactly so when its files are passed', async () => {
    const files = ['/etc/nginx/mime.types'];
    const body = {
      manifest_yaml: manifest(['/etc/**'], ['/etc/nginx/**']),
      category_slug: 'userland',
      files,
    };

    expect((await ask(body)).conflicts).toMatchObject([
      conflict('would_drop', '/etc/nginx/mime.types', true),
    ]);
    expect((await ask({ ...body, files: ['/etc/edge'] })).conflicts).toEqual([]);
  });

  it('and refused in a category that does not exist', async () => {
    const answer = await ask({ manifest_yaml: manifest([conf]), category_slug: 'nowhere' });
    expect(answer).toMatchObject({
      valid: false,
      conflicts: [],
      errors: [{ path: 'category_slug' }],
    });
  });

  it('and warned of requirements that nothing meets', async () => {
    const other = `other-${world.account}`;
    await transact(world.services.db, [
      createModule(storedModule(other, 'feed', { visibility: 'public' })),
      createVersion(storedVersion(other, 'feed', '1.0.0', { promotion_state: 'live' })),
      createVersion(storedVersion(other, 'feed', '2.0.0', { promotion_state: 'staging' })),
    ]);
    const feed = `${other}/feed@^2.0`;
    const requires = ['nginx@^1.0', 'nginx@^2.0', 'monitoring-base@^1.0', 'other/x@*', feed];
    const manifest_yaml = JSON.stringify({
      schema_version: 1,
      name: 'edge',
      file_spec: ['/etc/edge'],
      dependencies: { requires },
    });

    const { valid, warnings } = await ask({ manifest_yaml });
    const unmet = warnings.filter(({ path }) => path.startsWith('dependencies.'));
    expect(valid).toBe(true);
    expect(unmet.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'dependencies.requires[1] expected a version of nginx in ^2.0, found 1.0.0',
      expect.stringMatching(
        /^dependencies\.requires\[2\] expected .+ "monitoring-base" of .+, found none/,
      ),
      expect.stringMatching(/^dependencies\.requires\[3\] expected .+ "x" of other, found none/),
      // Version 2.0.0 is for the eyes of its own account.
      'dependencies.requires[4] expected a version of feed in ^2.0, found 1.0.0',
    ]);
  });

  it('by gantry module validate --category, which sends what rootfs/ ships', async () => {
    await mkdir(join(directory, 'rootfs/etc/nginx'), { recursive: true });
    await writeFile(join(directory, 'rootfs', conf), 'worker_processes 2;\n');
    await writeFile(join(directory, 'manifest.yaml'), manifest(['/etc/**'], [conf]));

    const env = { ...process.env, GANTRY_URL: publicUrl, GANTRY_TOKEN: world.token };
    const line = ['module', 'validate', directory, '--category', 'userland'];

    const [code, output] = await new Promise<[unknown, string]>((resolve) => {
      execFile(gantryProgram, line, { env }, (error, stdout, stderr) =>
        resolve([error?.code ?? 0, stdout + stderr]),
      );
    });

    expect(output).toContain(`manifest.yaml both_protect ${conf}: expected one module to protect`);
    expect(output).toContain('manifest.yaml is valid');
    expect(code).toBe(1);
  });

  it('which are all looked at, however many there are', async () => {
    const { services, account } = world;
    const starts = Array.from({ length: 13 }, (_, batch) => batch * 77);

    await mapConcurrently(starts, 4, (start) =>
      transact(
        services.db,
        Array.from({ length: 77 }, (_, i) => createModule(storedModule(account, `a${start + i}`))),
      ),
    );

    const draft = { manifest: parseManifest(manifest([conf])).manifest, category_slug: 'userland' };
    const { conflicts } = await accountConflicts(services, account, draft);

    expect(conflicts).toMatchObject([conflict('would_be_dropped', conf, true)]);
  });
});
