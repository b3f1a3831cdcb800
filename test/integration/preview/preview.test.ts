import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, inject } from 'vitest';
import type { z } from 'zod';
import { readRecord } from '../../../shared/actions/compositions/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { assignModule } from '../../../shared/actions/operations/index.ts';
import { readSuitability } from '../../../shared/actions/preview/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { decodeIndex } from '../../../shared/composition/index.ts';
import { problemSchema } from '../../../shared/contract/http/index.ts';
import { previewAnswer, whyAnswer } from '../../../shared/contract/preview/index.ts';
import { assignAnswer, compositionAnswer } from '../../../shared/contract/templates/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { getBytes } from '../../../shared/store/objects.ts';
import { promote } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type ModuleSource, type World } from '../../support/world.ts';

const platform = 'ubuntu-24.04-amd64';
const { publicUrl } = inject('stack');
const gantryProgram = new URL('../../../bin/gantry', import.meta.url).pathname;
const key = authorKey();
let template: Template;
let next: Version;

async function staged(world: World, source: ModuleSource, category = 'userland'): Promise<void> {
  await world.register(source.name, key, { category });
  await promote(world, await world.ingest(source, 'v1.0.0', key), 'staging');
}

/** The template's staging composition, once it is of so many layers. */
function composed(world: World, layers: number) {
  return eventually(`a composition of ${layers} layers`, async () => {
    const pointer = await getComposition(world.services.db, world.account, template.id, 'staging');
    if (pointer === null) return null;
    const record = await readRecord(world.services, pointer.report_key);
    return record.layers.length === layers ? { pointer, record } : null;
  });
}

async function api(
  world: World,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; answer: unknown }> {
  const response = await fetch(`${publicUrl}/api/v1/templates/${template.id}${path}`, {
    method,
    headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, answer: await response.json() };
}

const ask = (world: World, change: object) =>
  api(world, 'POST', '/preview', { change, track: 'staging' });

async function preview(world: World, change: object) {
  const { status, answer } = await ask(world, change);
  expect([status, answer]).toEqual([200, expect.anything()]);
  return previewAnswer.parse(answer);
}

const codeOf = async (world: World, change: object) =>
  problemSchema.parse((await ask(world, change)).answer).code;

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

const full = (world: World, name: string) => `${world.account}/${name}`;

it.beforeAll(async ({ world }) => {
  template = await createTemplate(world.services, world.caller, { name: 'previewed', platform });
  await createInstance(world.services, world.caller, {
    name: 'one',
    template_id: template.id,
    track: 'staging',
  });

  await Promise.all([
    staged(
      world,
      {
        name: 'base',
        files: { 'etc/motd': 'base', 'etc/keep': 'base' },
        manifest: 'protected_spec: ["/etc/keep"]',
      },
      'system-base',
    ),
    staged(world, {
      name: 'clock',
      files: { 'usr/bin/clock': 'x' },
      manifest: 'dependencies: { provides: [ntp] }',
    }),
    staged(world, {
      name: 'app',
      files: { 'etc/motd': 'app', 'etc/keep': 'app', 'usr/bin/app': '1' },
      manifest: 'dependencies: { requires: ["ntp@*"] }',
    }),
    staged(world, {
      name: 'rival',
      files: { 'etc/keep': 'rival' },
      manifest: 'protected_spec: ["/etc/keep"]',
    }),
  ]);

  next = await world.ingest({ name: 'base', files: { 'etc/motd': 'newer' } }, 'v1.1.0', key);
  const { operation } = await assignModule(world.services, world.caller, {
    template_id: template.id,
    module: 'base',
  });

  expect((await world.operation(operation.id)).state).toBe('succeeded');
  await composed(world, 1);
});

describe('before a module is assigned', () => {
  it('a preview shows its files, the dropped and shadowed ones, and those that its requirements add', async ({
    world,
  }) => {
    const change = { kind: 'assignment_add', module: 'app', metadata: { size: 3 } };
    const { preview: told, metadata } = await preview(world, change);

    expect(told.modules.map(({ module, before }) => [module, before])).toEqual([
      [full(world, 'app'), null],
      [full(world, 'clock'), null],
    ]);
    expect(told.added.filter(({ type }) => type === 'file')).toEqual([
      { path: '/usr/bin/app', type: 'file', by: full(world, 'app') },
      { path: '/usr/bin/clock', type: 'file', by: full(world, 'clock') },
    ]);
    expect(told.changed).toMatchObject([{ path: '/etc/motd', what: ['content', 'module'] }]);
    expect(told.dropped.now).toEqual([
      { path: '/etc/keep', from: full(world, 'app'), because_of: full(world, 'base') },
    ]);
    expect(told.shadowed.now).toEqual([
      { path: '/etc/motd', from: full(world, 'base'), by: full(world, 'app') },
    ]);
    expect(metadata).toEqual([{ module: full(world, 'app'), before: null, after: { size: 3 } }]);
  });

  it('the preview changed nothing', async ({ world }) => {
    const { record } = await composed(world, 1);
    expect(record.layers.map(({ module }) => module)).toEqual(['base']);
  });

  it('the CLI prints it as a diff', async ({ world }) => {
    const { code, stdout, stderr } = await gantry(
      world,
      'template',
      'preview',
      'previewed',
      '--assign',
      'app@^1',
      '--track',
      'staging',
    );

    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      new RegExp(`^ {2}\\+ ${full(world, 'app')} +1\\.0\\.0 \\(priority 90\\)$`, 'm'),
    );
    expect(stdout).toMatch(new RegExp(`^ {2}\\+ /usr/bin/app +${full(world, 'app')}$`, 'm'));
    expect(stdout).toMatch(
      new RegExp(`^ {2}~ /etc/motd +content, ${full(world, 'base')} → ${full(world, 'app')}$`, 'm'),
    );

    expect(stdout).toMatch(
      new RegExp(
        `^ {2}! /etc/keep +file of ${full(world, 'app')} dropped, protected by ${full(world, 'base')}`,
        'm',
      ),
    );

    expect(stdout).toMatch(
      new RegExp(
        `^ {2}> /etc/motd +file of ${full(world, 'base')} shadowed by ${full(world, 'app')}$`,
        'm',
      ),
    );
  });

  it('a preview of a change that cannot be composed or requested returns the coded error', async ({
    world,
  }) => {
    expect(await ask(world, { kind: 'assignment_add', module: 'rival' })).toMatchObject({
      status: 409,
      answer: { code: 'composition_protected_conflict' },
    });
    expect(await codeOf(world, { kind: 'assignment_add', module: 'base' })).toBe('already_exists');
    expect(await codeOf(world, { kind: 'assignment_remove', module: 'app' })).toBe('not_found');
    expect(await codeOf(world, { kind: 'version_promote', version_id: next.id, to: 'built' })).toBe(
      'promotion_state_invalid',
    );

    const refused = await gantry(
      world,
      'template',
      'preview',
      'previewed',
      '--assign',
      'rival',
      '--track',
      'staging',
    );

    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('(composition_protected_conflict)');
    expect((await gantry(world, 'template', 'preview', 'previewed')).stderr).toContain(
      'expected one of --assign',
    );
  });

  it('the list of templates judges by the same trial as an assignment', async ({ world }) => {
    const { services, caller } = world;
    const judged = async (module: string) => {
      const { templates, judge } = await readSuitability(services, caller, module);
      return Promise.all((await templates(10, '')).map(judge));
    };

    expect(await judged('app')).toMatchObject([{ takes: true, reason: 'none', message: null }]);
    expect(await judged('base')).toMatchObject([{ takes: false, reason: 'assigned' }]);
    expect(await judged('rival')).toMatchObject([
      {
        takes: false,
        reason: 'conflict',
        message: expect.stringMatching(/^staging: .*\(composition_protected_conflict\)$/),
      },
    ]);
  });

  it('a promotion, a priority and a removal are previewed too', async ({ world }) => {
    const promoted = await gantry(
      world,
      ...[
        'template',
        'preview',
        'previewed',
        '--promote',
        'base@1.1.0',
        '--to',
        'staging',
        '--track',
        'staging',
      ],
    );

    expect([promoted.code, promoted.stderr]).toEqual([0, '']);
    expect(promoted.stdout).toMatch(
      new RegExp(`^ {2}~ ${full(world, 'base')} +1\\.0\\.0 → 1\\.1\\.0$`, 'm'),
    );
    expect(promoted.stdout).toMatch(new RegExp(`^ {2}- /etc/keep +${full(world, 'base')}$`, 'm'));

    const raised = await preview(world, {
      kind: 'assignment_update',
      module: 'base',
      effective_priority: 95,
    });

    expect(raised.preview.modules).toMatchObject([
      { before: { priority: 10 }, after: { priority: 95 } },
    ]);

    const removed = await preview(world, { kind: 'assignment_remove', module: 'base' });
    expect(removed.preview.removed.map(({ path }) => path)).toContain('/etc/motd');

    const metadata = await gantry(
      world,
      ...[
        'template',
        'preview',
        'previewed',
        '--metadata',
        'base',
        '--set',
        'a=1',
        '--track',
        'staging',
      ],
    );

    expect(metadata.stdout).toMatch(new RegExp(`^ {2}\\+ a=1 +${full(world, 'base')}$`, 'm'));
  });

  it('a promotion that changes nothing in this template says why', async ({ world }) => {
    const change = { kind: 'version_promote', version_id: next.id, to: 'staging' };
    const { status, answer } = await api(world, 'POST', '/preview', { change, track: 'live' });

    expect([status, previewAnswer.parse(answer).warnings[0]]).toEqual([
      200,
      `${full(world, 'base')} is no part of the template on track live`,
    ]);
  });
});

describe('once it is assigned', () => {
  let assigned: z.output<typeof assignAnswer>;

  it.beforeAll(async ({ world }) => {
    assigned = assignAnswer.parse(
      (await api(world, 'POST', '/assignments', { module: 'app' })).answer,
    );
    expect((await world.operation(assigned.operation.id)).state).toBe('succeeded');
  });

  it('the response names the files that do not reach machines, why, and the cure', ({ world }) => {
    expect(assigned.lost).toMatchObject([
      {
        module: full(world, 'app'),
        how: 'dropped',
        because_of: full(world, 'base'),
        paths: ['/etc/keep'],
        nothing_left: false,
      },
    ]);
    expect(assigned.warnings).toEqual([
      expect.stringContaining(`${full(world, 'app')} has no version for track live`),
      expect.stringContaining('write the path in both file_spec and mask of its manifest'),
    ]);
  });

  it('the record says how versions were resolved, and where the index of all paths is', async ({
    world,
  }) => {
    const { pointer, record } = await composed(world, 3);
    expect(record.resolution?.capabilities).toEqual({ [full(world, 'ntp')]: full(world, 'clock') });

    expect(record.resolution?.modules[full(world, 'clock')]).toMatchObject({
      version: '1.0.0',
      assigned: false,
      required_by: [full(world, 'app')],
    });

    expect(pointer.modules).toEqual(
      expect.arrayContaining([
        full(world, 'app'),
        full(world, 'base'),
        full(world, 'clock'),
        full(world, 'ntp'),
      ]),
    );

    const index = decodeIndex(await getBytes(world.services.objects, record.index_key ?? ''));
    expect(index.paths).toContain('/usr/bin/clock');
  });

  it('a module that provides the capability only later does not make it ambiguous', async ({
    world,
  }) => {
    await staged(world, {
      name: 'other-clock',
      files: { 'etc/other': 'x' },
      manifest: 'dependencies: { provides: [ntp] }',
    });

    const told = await preview(world, {
      kind: 'assignment_update',
      module: 'app',
      effective_priority: 95,
    });

    expect(told.preview.modules.map(({ module }) => module)).toEqual([full(world, 'app')]);
  });

  it('the preview of an assignment’s removal says that the module stays where another one requires it', async ({
    world,
  }) => {
    const input = { template_id: template.id, module: 'clock' };
    const { operation } = await assignModule(world.services, world.caller, input);

    expect((await world.operation(operation.id)).state).toBe('succeeded');
    const removed = await gantry(
      world,
      'template',
      'preview',
      'previewed',
      '--remove',
      'clock',
      '--track',
      'staging',
    );

    expect(removed.stdout).toContain(
      `! ${full(world, 'clock')} stays at 1.0.0, required by ${full(world, 'app')}`,
    );
    expect(await gantry(world, 'assignment', 'remove', 'previewed', 'clock')).toMatchObject({
      code: 0,
      stderr: '',
    });

    const shown = await gantry(world, 'composition', 'show', 'previewed', '--track', 'staging');
    expect(shown.stdout).toMatch(new RegExp(`${full(world, 'clock')} +1\\.0\\.0 +90 +`));
  });

  it('the content of every path can be explained', async ({ world }) => {
    const answer = whyAnswer.parse(
      (await api(world, 'GET', '/composition/why?path=/etc/motd&track=staging')).answer,
    );
    expect(answer.present).toMatchObject({ by: full(world, 'app'), type: 'file', rendered: false });
    expect(answer.candidates.map(({ module, outcome }) => [module, outcome])).toEqual([
      [full(world, 'app'), 'wins'],
      [full(world, 'base'), 'shadowed'],
    ]);

    const kept = await gantry(
      world,
      'composition',
      'why',
      'previewed',
      '/etc/keep',
      '--track',
      'staging',
    );
    expect([kept.code, kept.stderr]).toEqual([0, '']);
    expect(kept.stdout.split('\n').slice(0, 2)).toEqual([
      `/etc/keep is from ${full(world, 'base')} 1.0.0 (priority 10).`,
      `${full(world, 'app')} 1.0.0 (priority 90) has it too; it is dropped because ${full(world, 'base')} protects the path.`,
    ]);

    const shown = await gantry(world, 'composition', 'show', 'previewed', '--track', 'staging');
    expect(shown.stdout).toMatch(
      new RegExp(`^/etc/keep +${full(world, 'app')} +${full(world, 'base')}$`, 'm'),
    );

    const { report } = compositionAnswer.parse(
      (await api(world, 'GET', '/composition?track=staging')).answer,
    );
    expect(report.dropped).toHaveLength(report.counts.dropped);
    expect((await api(world, 'GET', '/composition')).answer).toMatchObject({
      report: { counts: { dropped: 0 } },
    });

    const nothing = await gantry(
      world,
      'composition',
      'why',
      'previewed',
      '/nowhere',
      '--track',
      'staging',
    );

    expect([nothing.code, nothing.stdout]).toEqual([1, 'Nothing is at /nowhere.\n']);
    expect((await api(world, 'GET', '/composition/why?path=etc&track=staging')).status).toBe(400);
    expect((await api(world, 'GET', '/composition/why?path=/etc')).answer).toMatchObject({
      present: null,
    });
  });
});
