import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, inject } from 'vitest';
import { readRecord } from '../../../shared/actions/compositions/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { assignModule, updateInstance } from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import type { RegisterModuleBody } from '../../../shared/contract/modules/index.ts';
import { previewAnswer } from '../../../shared/contract/preview/index.ts';
import type { Instance } from '../../../shared/domain/machines/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { getInstance } from '../../../shared/store/machines/index.ts';
import { recentOperations } from '../../../shared/store/operations/index.ts';
import { policy, promote } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type ModuleSource, type World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
const gantryProgram = new URL('../../../bin/gantry', import.meta.url).pathname;
const key = authorKey();
const manyFiles = 1500;
let template: Template;
let instance: Instance;

async function staged(
  world: World,
  source: ModuleSource,
  more: Partial<RegisterModuleBody> = {},
): Promise<void> {
  await world.register(source.name, key, more);
  await promote(world, await world.ingest(source, 'v1.0.0', key), 'staging');
}

async function preview(world: World, path: string, body: object) {
  const response = await fetch(`${publicUrl}/api/v1${path}/preview`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

  const text = await response.text();
  expect([response.status, text]).toEqual([200, expect.anything()]);
  return { bytes: text.length, ...previewAnswer.parse(JSON.parse(text)) };
}

const ofInstance = (world: World, body: object) =>
  preview(world, `/instances/${instance.id}`, body);
const ofTemplate = (world: World, change: object) =>
  preview(world, `/templates/${template.id}`, { change, track: 'staging' });

async function gantry(
  world: World,
  ...line: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, GANTRY_URL: publicUrl, GANTRY_TOKEN: world.token, NO_COLOR: '1' };
  return promisify(execFile)(gantryProgram, line, { env }).then(
    (out) => ({ code: 0, ...out }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

async function instanceNow(world: World): Promise<Instance> {
  const now = await getInstance(world.services.db, world.account, instance.id);
  if (now === null) throw new Error(`expected instance ${instance.id}`);
  return now;
}

const full = (world: World, name: string) => `${world.account}/${name}`;
const metadata = { hostname: 'web-1', zone: 'a' };
const hosts = '127.0.0.1 localhost\n127.0.1.1 ${instance.hostname}\nsearch ${instance.zone}\n';

it.beforeAll(async ({ world }) => {
  template = await createTemplate(world.services, world.caller, {
    name: 'machines',
    platform: 'ubuntu-24.04-amd64',
  });

  const input = { name: 'web-1', template_id: template.id, track: 'staging', metadata } as const;
  ({ instance } = await createInstance(world.services, world.caller, input));

  const files = Object.fromEntries(
    Array.from({ length: manyFiles }, (_, i) => [`srv/big/file-${i}`, '']),
  );
  await Promise.all([
    staged(world, { name: 'site', files: { 'etc/hosts': hosts } }, { variety: 'instance' }),
    staged(
      world,
      { name: 'motd', files: { 'etc/motd': '${instance.role}\n' } },
      { variety: 'instance' },
    ),
    staged(world, { name: 'big', files }),
  ]);

  const { operation } = await assignModule(world.services, world.caller, {
    template_id: template.id,
    module: 'site',
  });
  expect(await world.operation(operation.id)).toMatchObject({ state: 'succeeded' });

  await eventually('a composition with the assigned module', async () => {
    const pointer = await getComposition(world.services.db, world.account, template.id, 'staging');
    const record = pointer === null ? null : await readRecord(world.services, pointer.report_key);
    return record?.instance_files.length === 1 ? record : null;
  });
});

describe('before the metadata of an instance is changed', () => {
  it('a preview shows its values, the rendered files by their keys, and their lines', async ({
    world,
  }) => {
    const told = await ofInstance(world, { metadata: { ...metadata, hostname: 'web-2' } });
    expect(told.preview.counts).toMatchObject({ added: 0, removed: 0, changed: 0 });

    expect(told.instances).toEqual({
      examined: 1,
      more: false,
      changed: [
        {
          instance_id: instance.id,
          name: 'web-1',
          metadata: { before: metadata, after: { ...metadata, hostname: 'web-2' } },
          files: [
            {
              path: '/etc/hosts',
              what: 'changed',
              module: full(world, 'site'),
              keys: ['hostname'],
              diff: [
                '@@ -1 +1 @@',
                '  127.0.0.1 localhost',
                '- 127.0.1.1 web-1',
                '+ 127.0.1.1 web-2',
                '  search a',
              ],
              more_lines: 0,
            },
          ],
          files_changed: 1,
          error: null,
        },
      ],
    });
  });

  it('gantry instance update --dry-run prints the same and requests nothing', async ({ world }) => {
    const asked = (await recentOperations(world.services.db, world.account, 100)).length;
    const flags = ['--set', 'hostname=web-2', '--set', 'zone=a', '--dry-run'];
    const { code, stdout, stderr } = await gantry(world, 'instance', 'update', 'web-1', ...flags);

    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n').slice(0, 8)).toEqual([
      'Machines',
      '  ~ hostname=web-1 → web-2  web-1',
      `  ~ /etc/hosts  web-1, from ${full(world, 'site')}, by hostname`,
      '      @@ -1 +1 @@',
      '        127.0.0.1 localhost',
      '      - 127.0.1.1 web-1',
      '      + 127.0.1.1 web-2',
      '        search a',
    ]);

    expect((await recentOperations(world.services.db, world.account, 100)).length).toBe(asked);
    expect((await instanceNow(world)).metadata).toEqual(metadata);
  });

  it('a key that would be missing is shown, and the change itself is refused for it', async ({
    world,
  }) => {
    const told = await ofInstance(world, { metadata: { hostname: 'web-1' } });
    const error = told.instances.changed[0]?.error;
    const message = expect.stringContaining('"zone"');

    expect(error).toMatchObject({ code: 'instance_metadata_missing', message, refuses: true });
    const { id } = await updateInstance(world.services, world.caller, {
      id: instance.id,
      metadata: { hostname: 'web-1' },
    });
    const ended = await world.operation(id);

    expect(ended).toMatchObject({ state: 'failed', code: 'instance_metadata_missing' });
    expect(ended.message).toMatch(
      /template .* instance "web-1" to have "zone", which "[^"]+" of .*\/site asks for/,
    );
    expect(await instanceNow(world)).toMatchObject({ metadata, desired_error: null });
  });

  it('a change of its track shows what the other track adds and lacks', async ({ world }) => {
    const told = await ofInstance(world, { track: 'live' });
    expect(told.preview.modules).toMatchObject([{ module: full(world, 'site'), after: null }]);
    expect(told.preview.removed).toEqual([
      { path: '/etc', type: 'directory', from: full(world, 'site') },
      { path: '/etc/hosts', type: 'file', from: full(world, 'site') },
    ]);
    expect(told.instances.changed[0]).toMatchObject({
      metadata: null,
      files: [{ path: '/etc/hosts', what: 'removed', keys: [] }],
    });
    expect(told.warnings).toEqual([
      `${full(world, 'site')} has no version for track live and is left out`,
    ]);
  });
});

describe('before a template is changed', () => {
  it('assignment metadata is shown by module, and affects no rendered file', async ({ world }) => {
    const told = await ofTemplate(world, {
      kind: 'assignment_update',
      module: 'site',
      metadata: { size: 3 },
    });

    expect(told.metadata).toEqual([
      { module: full(world, 'site'), before: {}, after: { size: 3 } },
    ]);
    expect(told.instances.changed).toEqual([]);
  });

  it('a module whose files ask for a key that a machine lacks is shown with the machine', async ({
    world,
  }) => {
    const told = await ofTemplate(world, { kind: 'assignment_add', module: 'motd' });
    expect(told.instances).toMatchObject({
      examined: 1,
      more: false,
      changed: [
        {
          name: 'web-1',
          metadata: null,
          files: [
            { path: '/etc/motd', what: 'added', diff: ['@@ -1 +1 @@', '+ ${instance.role}'] },
          ],
          error: { code: 'instance_metadata_missing', refuses: true },
        },
      ],
    });

    const { stdout } = await gantry(
      world,
      'template',
      'preview',
      'machines',
      '--assign',
      'motd',
      '--track',
      'staging',
    );

    expect(stdout).toMatch(
      /^ {2}! web-1 {2}this change would be refused: expected the instance's metadata to have "role"/m,
    );

    const { operation } = await assignModule(world.services, world.caller, {
      template_id: template.id,
      module: 'motd',
    });
    expect(await world.operation(operation.id)).toMatchObject({
      state: 'failed',
      code: 'instance_metadata_missing',
      message: expect.stringContaining('instance "web-1" to have "role", which "/etc/motd" of'),
    });
  });

  it('a list of more than 1,000 rows is truncated, and the response says so', async ({ world }) => {
    const told = await ofTemplate(world, { kind: 'assignment_add', module: 'big' });
    expect(told.preview.added).toHaveLength(limits.previewListMax);
    expect(told.preview.counts.added).toBeGreaterThan(manyFiles);

    expect(told.bounds).toEqual({
      list_rows: 1000,
      list_bytes: 400_000,
      instances: 20,
      diff_lines: 1000,
    });

    expect(told.bytes).toBeLessThan(limits.previewListBytesMax);
    const { stdout } = await gantry(
      world,
      'template',
      'preview',
      'machines',
      '--assign',
      'big',
      '--track',
      'staging',
    );

    const more = told.preview.counts.added - limits.previewListMax;
    expect(stdout).toContain(
      `  … ${more} more added\n  (a list shows at most 1000 rows; the counts below are complete)\n`,
    );
    expect(stdout).toContain(`Paths: ${told.preview.counts.added} added`);
  });
});

describe('an instance that is created without a key that its files ask for', () => {
  it.beforeAll(async ({ world }) => {
    await policy(world, 'instance_track_change', { decision: 'allow' });
  });

  it('is created, with the key in the response', async ({ world }) => {
    const { code, stdout } = await gantry(
      world,
      'instance',
      'create',
      'web-2',
      '--template',
      'machines',
      '--track',
      'staging',
    );

    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^created instance web-2 as ins_.*\njoin token, .*:\n\S+\n\nNot deployable yet\./,
    );
    expect(stdout.split('\n').slice(5, 7)).toEqual([
      `  ! hostname  used by /etc/hosts of ${full(world, 'site')}`,
      `  ! zone      used by /etc/hosts of ${full(world, 'site')}`,
    ]);

    const whole = { name: 'web-3', template_id: template.id, track: 'staging', metadata } as const;
    expect((await createInstance(world.services, world.caller, whole)).keys_missing).toEqual([]);

    const elsewhere = { name: 'web-4', template_id: template.id, track: 'live' } as const;
    expect((await createInstance(world.services, world.caller, elsewhere)).keys_missing).toEqual(
      [],
    );
  });

  it('may get some of its keys: a preview shows that it lacked the others before', async ({
    world,
  }) => {
    const input = { name: 'web-5', template_id: template.id, track: 'staging' } as const;
    const made = await createInstance(world.services, world.caller, input);
    const asked = (body: object) => preview(world, `/instances/${made.instance.id}`, body);
    const refused = async (body: object) =>
      (await asked(body)).instances.changed[0]?.error?.refuses;

    expect(await refused({ metadata: { hostname: 'web-5' } })).toBe(false);
    expect(await refused({ metadata })).toBeUndefined();

    const { id } = await updateInstance(world.services, world.caller, {
      id: made.instance.id,
      metadata: { hostname: 'web-5' },
    });
    expect(await world.operation(id)).toMatchObject({ state: 'succeeded' });
  });
});
