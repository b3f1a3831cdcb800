import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, inject } from 'vitest';
import { readRecord } from '../../../shared/actions/compositions/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { assignModule, changeReservations } from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { eventsOf } from '../../support/flow.ts';
import { policy, promote } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type ModuleSource, type World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
const gantryProgram = new URL('../../../bin/gantry', import.meta.url).pathname;
const key = authorKey();
const token = '/etc/vault/token';
const below = '/etc/vault/**';
let template: Template;

async function staged(world: World, source: ModuleSource): Promise<void> {
  await world.register(source.name, key);
  await promote(world, await world.ingest(source, 'v1.0.0', key), 'staging');
}

async function assign(world: World, module: string): Promise<void> {
  const { operation } = await assignModule(world.services, world.caller, {
    template_id: template.id,
    module,
  });
  expect(await world.operation(operation.id)).toMatchObject({ state: 'succeeded' });
}

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

/** The staging composition, once so many files are dropped from so many layers. */
function composed(world: World, layers: number, dropped: number) {
  return eventually(`${layers} layers with ${dropped} dropped files`, async () => {
    const pointer = await getComposition(world.services.db, world.account, template.id, 'staging');
    if (pointer === null) return null;

    const record = await readRecord(world.services, pointer.report_key);
    return record.layers.length === layers && record.report.dropped.length === dropped
      ? record
      : null;
  });
}

const full = (world: World, name: string) => `${world.account}/${name}`;
const change = (world: World, input: Parameters<typeof changeReservations>[2]) =>
  changeReservations(world.services, world.caller, input);

it.beforeAll(async ({ world }) => {
  template = await createTemplate(world.services, world.caller, {
    name: 'vaults',
    platform: 'ubuntu-24.04-amd64',
  });
  await createInstance(world.services, world.caller, {
    name: 'one',
    template_id: template.id,
    track: 'staging',
  });

  await Promise.all([
    staged(world, {
      name: 'vault',
      files: { 'usr/bin/vault': 'x' },
      manifest: `protected_spec: ["${below}"]`,
    }),
    staged(world, { name: 'site', files: { 'etc/vault/token': 'mine' } }),
    staged(world, {
      name: 'keeper',
      files: { 'usr/bin/keeper': 'x' },
      manifest: `protected_spec: ["${token}"]`,
    }),
  ]);

  for (const module of ['vault', 'site', 'keeper']) await assign(world, module);
});

describe('a pattern that matches nothing that its module ships', () => {
  it('only warns until it is granted', async ({ world }) => {
    const { report } = await composed(world, 3, 0);
    expect(report.warnings).toContainEqual(
      `protected_spec "${below}" of ${full(world, 'vault')} 1.0.0 matches nothing that the module ships, so it protects nothing`,
    );
  });

  it('is reserved only if a version of the module asks for it, and revoked only if it was granted', async ({
    world,
  }) => {
    await expect(change(world, { module: 'vault', grant: ['/etc/**'] })).rejects.toMatchObject({
      code: 'reservation_unknown',
      expected: [below],
      message: `expected a pattern as it stands in the protected_spec of a version of vault (they are "${below}"), found "/etc/**"`,
    });

    await expect(change(world, { module: 'vault', revoke: [below] })).rejects.toMatchObject({
      code: 'reservation_unknown',
    });
    await expect(change(world, { module: 'nobody', grant: [below] })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('is previewed with the file that another module would lose', async ({ world }) => {
    const line = [
      'template',
      'preview',
      'vaults',
      '--reserve',
      `vault=${below}`,
      '--track',
      'staging',
    ];

    const { code, stdout, stderr } = await gantry(world, ...line);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^ {2}- ${token} +${full(world, 'site')}$`, 'm'));

    expect(stdout).toMatch(
      new RegExp(
        `^ {2}! ${token} +file of ${full(world, 'site')} dropped, protected by ${full(world, 'vault')}`,
        'm',
      ),
    );

    expect((await composed(world, 3, 0)).report.dropped).toEqual([]);
  });

  it('meets the policy of reservation_change', async ({ world }) => {
    await policy(world, 'reservation_change', { decision: 'deny' });
    const { id } = await change(world, { module: 'vault', grant: [below] });
    expect(await world.operation(id)).toMatchObject({ state: 'refused', code: 'policy_denied' });
    await policy(world, 'reservation_change', { decision: 'allow' });
  });
});

describe('once an operator granted it', () => {
  it("another module's file there is dropped, and the grant is part of the desired state", async ({
    world,
  }) => {
    const granted = await gantry(world, 'module', 'reserve', 'vault', below);
    expect(granted).toMatchObject({
      code: 0,
      stdout: `done: reserve ${below} for vault\n`,
      stderr: '',
    });

    const { report, layers } = await composed(world, 3, 1);
    expect(report.dropped).toEqual([
      { path: token, from: full(world, 'site'), because_of: full(world, 'vault') },
    ]);
    // The agent composes again from what is signed, so the grant travels with its layer.
    expect(layers.flatMap(({ granted_reservations }) => granted_reservations ?? [])).toEqual([
      below,
    ]);
  });

  it('the module, the path and an event say so', async ({ world }) => {
    expect((await gantry(world, 'module', 'show', 'vault')).stdout).toMatch(
      /^reserved +\/etc\/vault\/\*\*$/m,
    );

    const why = await gantry(world, 'composition', 'why', 'vaults', token, '--track', 'staging');
    expect(why.stdout.split('\n')).toContain(
      `It is reserved for ${full(world, 'vault')}, which was granted ${below}.`,
    );
    expect(
      await eventsOf(world.services, world.account, 'gantry.reservation.changed'),
    ).toMatchObject([{ subject: 'module/vault', data: { granted: [below], revoked: [] } }]);
  });

  it('the author of a manifest that would ship a file there is warned before the push', async ({
    world,
  }) => {
    const manifest_yaml = JSON.stringify({
      schema_version: 1,
      name: 'newcomer',
      file_spec: [token],
    });

    const response = await fetch(`${publicUrl}/api/v1/manifests/validate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ manifest_yaml, category_slug: 'userland' }),
    });

    expect(await response.json()).toMatchObject({
      conflicts: [
        { kind: 'would_be_dropped', module: full(world, 'vault'), path: token, certain: true },
      ],
    });
  });

  it('the same path cannot be reserved for another module of the template, and the operation says why', async ({
    world,
  }) => {
    const { id } = await change(world, { module: 'keeper', grant: [token] });
    const refused = await world.operation(id);

    expect(refused).toMatchObject({ state: 'failed', code: 'composition_protected_conflict' });
    expect(refused.message).toContain(
      `expected one module to protect "${token}", found that both ${full(world, 'keeper')} and ${full(world, 'vault')} do`,
    );
  });

  it('a revocation restores the file', async ({ world }) => {
    const revoked = await gantry(world, 'module', 'reserve', 'vault', below, '--revoke');
    expect(revoked).toMatchObject({ code: 0, stderr: '' });
    expect((await composed(world, 3, 0)).report.dropped).toEqual([]);
    expect((await gantry(world, 'module', 'show', 'vault')).stdout).toMatch(/^reserved +-$/m);
  });
});
