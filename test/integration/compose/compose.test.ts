import { beforeAll, describe, expect, it } from 'vitest';
import { composeTemplate } from '../../../shared/actions/compose/index.ts';
import { readRecord } from '../../../shared/actions/compositions/index.ts';
import { enqueue } from '../../../shared/actions/context/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { assignModule, updateAssignment } from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { sha256Hex } from '../../../shared/base/ids.ts';
import { fsVerityDigest } from '../../../shared/composefs/index.ts';
import type { TemplateComposition } from '../../../shared/domain/compose/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import type { Operation } from '../../../shared/domain/operations/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { getBytes } from '../../../shared/store/objects.ts';
import { getTemplate } from '../../../shared/store/templates/index.ts';
import { holdPuts, promote, raise } from '../../support/operations.ts';
import { setUpFlow } from '../../support/set-up.ts';
import { authorKey, eventually, type ModuleSource, World } from '../../support/world.ts';

const platform = 'ubuntu-24.04-amd64';
const key = authorKey();
let names = 0;

const { registry, world } = await setUpFlow();

/** A template whose staging track is composed, because an instance follows it. */
async function staged(): Promise<Template> {
  names += 1;
  const template = await createTemplate(world.services, world.caller, {
    name: `template-${names}`,
    platform,
  });

  const instance = {
    name: `instance-${names}`,
    template_id: template.id,
    track: 'staging',
  } as const;

  await createInstance(world.services, world.caller, instance);
  return template;
}

async function assign(
  template: Template,
  module: string,
  more: { effective_priority?: number } = {},
) {
  const input = { template_id: template.id, module, ...more };
  const { operation, assignment_id } = await assignModule(world.services, world.caller, input);
  return { assignment_id, ended: await world.operation(operation.id) };
}

async function built(
  source: ModuleSource,
  tag = 'v1.0.0',
  more: Parameters<World['register']>[2] = {},
) {
  if (tag === 'v1.0.0') await world.register(source.name, key, more);
  return world.ingest(source, tag, key);
}

/**
 * Waits until the template's staging composition is of the template as it is now, and as is asked
 * for.
 */
function composed(template: Template, as: (pointer: TemplateComposition) => boolean = () => true) {
  return eventually(`${template.name} to be composed`, async () => {
    const { account, id } = template;
    const now = await getTemplate(world.services.db, account, id);
    const pointer = await getComposition(world.services.db, account, id, 'staging');

    return pointer !== null && pointer.template_revision === now?.revision && as(pointer)
      ? pointer
      : null;
  });
}

async function recordOf(pointer: TemplateComposition) {
  return readRecord(world.services, pointer.report_key);
}

/** A composition apart from when and how often it was put in place. */
function content({ made_at: _, revision: __, ...rest }: TemplateComposition) {
  return rest;
}

const staging = (version: Version): Promise<Operation> => promote(world, version, 'staging');
const full = (name: string) => `${world.account}/${name}`;

describe('a composition', () => {
  let template: Template;
  let base: Version;
  let app: Version;

  beforeAll(async () => {
    [template, base, app] = await Promise.all([
      staged(),
      built(
        {
          name: 'base',
          files: {
            'etc/conf': 'base',
            'etc/keep': 'base',
            'usr/bin/tool': 'base',
            'etc/base': 'base',
          },
          manifest: 'protected_spec: ["/etc/keep"]',
        },
        'v1.0.0',
        { category: 'system-base' },
      ),
      built({
        name: 'app',
        files: { 'etc/conf': 'app', 'etc/keep': 'app', 'usr/bin/tool': 'app' },
        manifest: 'protected_spec: ["/usr/bin/tool"]',
      }),
    ]);
    for (const module of ['base', 'app'])
      expect((await assign(template, module)).ended.state).toBe('succeeded');
  });

  it('leaves out a module without a version for its track, warns of it, and has it after the promotion', async () => {
    const before = await recordOf(await composed(template));
    expect(before.layers).toEqual([]);
    expect(before.report.warnings).toEqual([
      `${full('base')} has no version for track staging yet and is left out`,
      `${full('app')} has no version for track staging yet and is left out`,
    ]);

    const digest = before.composition_digest;
    await Promise.all([staging(base), staging(app)]);

    const pointer = await composed(template, (now) => now.digest !== digest);
    const after = await eventually('both layers', async () => {
      const record = await recordOf(await composed(template));
      return record.layers.length === 2 ? record : null;
    });

    expect(after.report.warnings).toEqual([]);
    expect(pointer.modules).toEqual([full('app'), full('base')]);
  });

  it('ranks by category, protects both ways, and reports what is dropped and shadowed', async () => {
    const { report, layers } = await recordOf(await composed(template));
    expect(report.layers.map(({ name, priority }) => [name, priority])).toEqual([
      [full('base'), 10],
      [full('app'), 90],
    ]);
    expect(report.dropped).toEqual([
      { path: '/etc/keep', from: full('app'), because_of: full('base') },
      { path: '/usr/bin/tool', from: full('base'), because_of: full('app') },
    ]);
    expect(report.shadowed).toEqual([{ path: '/etc/conf', from: full('base'), by: full('app') }]);
    expect(layers.map(({ module, effective_mask }) => [module, effective_mask])).toEqual([
      ['base', ['/usr/bin/tool']],
      ['app', ['/etc/keep']],
    ]);
  });

  it('has an image in S3 whose fs-verity digest names it', async () => {
    const pointer = await composed(template);
    const { image } = await recordOf(pointer);
    const bytes = await getBytes(world.services.objects, image.key);

    expect(`sha256:${fsVerityDigest(bytes)}`).toBe(pointer.digest);
    expect([sha256Hex(bytes), bytes.length]).toEqual([image.sha256, image.length]);
  });

  it('has the same digest for the same content, and another where a priority changes the owner of a path', async () => {
    const other = await staged();
    const { assignment_id } = await assign(other, 'app');

    await assign(other, 'base');
    const [one, two] = [await composed(template), await composed(other)];

    expect(two.digest).toBe(one.digest);
    const change = { id: assignment_id, effective_priority: 5 };
    const { id } = await updateAssignment(world.services, world.caller, change);

    expect((await world.operation(id)).state).toBe('succeeded');
    const turned = await recordOf(await composed(other));

    expect(turned.composition_digest).not.toBe(one.digest);
    expect(turned.report.shadowed).toEqual([
      { path: '/etc/conf', from: full('app'), by: full('base') },
    ]);
  });

  it('stays the same however often it is composed', async () => {
    const before = await composed(template);
    const message = { account: world.account, template_id: template.id, track: 'staging' } as const;
    const ten = Array.from({ length: 10 }, () => message);

    await enqueue(world.services, 'compose', ten);
    for (let i = 0; i < 3; i++) await composeTemplate(world.services, message);
    expect(content(await composed(template))).toEqual(content(before));
  });
});

it('a slow compose never replaces the result of a newer one', async () => {
  const template = await staged();
  const version = await built({ name: 'slow', files: { 'etc/slow': 'x' } });

  await staging(version);
  const { assignment_id } = await assign(template, 'slow');
  const stale = await composed(template);
  const held = holdPuts();

  const work = composeTemplate(held.services, {
    account: world.account,
    template_id: template.id,
    track: 'staging',
  });

  await held.reached;
  const change = { id: assignment_id, effective_priority: 7, metadata: { n: 1 } };

  await world.operation((await updateAssignment(world.services, world.caller, change)).id);
  const fresh = await composed(template);

  held.release();
  await work;

  const now = await composed(template);
  expect(content(now)).toEqual(content(fresh));
  expect(now.report_key).not.toBe(stale.report_key);
});

it('an assignment for another platform is refused, and says which platforms have a build', async () => {
  const template = await staged();
  const arm = await built({ name: 'arm', files: { 'etc/arm': 'x' } }, 'v1.0.0', {
    platforms: ['ubuntu-24.04-arm64'],
  });

  await staging(arm);
  const { ended, assignment_id } = await assign(template, 'arm');

  expect(ended).toMatchObject({ state: 'failed', code: 'composition_platform_mismatch' });
  const build = `expected a build of ${full('arm')} 1.0.0 for ${platform}, found only ubuntu-24.04-arm64`;

  expect(ended.message).toBe(`template ${template.name} (${template.id}, staging): ${build}`);
  await expect(
    updateAssignment(world.services, world.caller, { id: assignment_id }),
  ).rejects.toMatchObject({
    code: 'not_found',
  });
});

it('a promotion of a module that is only required, and only on the staging track, reaches the template', async () => {
  const template = await staged();
  const [lib, user] = await Promise.all([
    built({ name: 'lib', files: { 'usr/lib/lib': '1.0' } }),
    built({
      name: 'user',
      files: { 'usr/bin/user': 'x' },
      manifest: `dependencies: { requires: ["${full('lib')}@^1.0"] }`,
    }),
  ]);

  await staging(lib);
  await staging(user);
  expect((await assign(template, 'user')).ended.state).toBe('succeeded');

  const versions = async () =>
    (await recordOf(await composed(template))).layers.map(({ version }) => version);
  expect(await versions()).toEqual(['1.0.0', '1.0.0']);
  await staging(await built({ name: 'lib', files: { 'usr/lib/lib': '1.1' } }, 'v1.1.0'));
  await eventually('lib 1.1.0 in the template', async () =>
    (await versions()).includes('1.1.0') ? true : null,
  );
});

it("a public module's promotion reaches templates of other accounts, which cannot hold it up", async () => {
  const owner = await World.create(registry.host);
  await owner.register('shared', key, { visibility: 'public' });

  const version = await owner.ingest(
    { name: 'shared', files: { 'etc/shared': 'x' } },
    'v1.0.0',
    key,
  );

  const template = await staged();
  expect((await assign(template, `${owner.account}/shared`)).ended.state).toBe('succeeded');
  await raise(owner, version, 'blessed');

  const layers = await eventually('the layer', async () => {
    const record = await recordOf(await composed(template));
    return record.layers.length === 1 ? record.layers : null;
  });
  expect(layers).toMatchObject([{ account: owner.account, module: 'shared' }]);
  await owner.close();
});
