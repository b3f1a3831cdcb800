import { describe, expect } from 'vitest';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { usesOfModule } from '../../../shared/actions/modules/index.ts';
import { assignModule, promoteVersion } from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import type { Member } from '../../../shared/domain/accounts/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import { getModule } from '../../../shared/store/modules/index.ts';
import { promote, raise, stateOf, versionNow } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type World } from '../../support/world.ts';

let rita: Member;
const key = authorKey();

it.beforeAll(async ({ world }) => {
  rita = await world.reviewer();
});

/** Versions 1.0.0, 1.1.0, … of a new module, built. */
async function built(world: World, name: string, count = 1): Promise<[Version, ...Version[]]> {
  await world.register(name, key);
  const versions: Version[] = [];
  for (let minor = 0; minor < count; minor++) {
    const source = { name, files: { [`etc/${name}`]: `minor ${minor}` } };
    versions.push(await world.ingest(source, `v1.${minor}.0`, key));
  }

  return versions as [Version, ...Version[]];
}

/** A machine on track live of a template of its own, which has the module. */
async function used(world: World, name: string): Promise<string> {
  const { services, caller, account } = world;
  const { id } = await createTemplate(services, caller, { name: `with-${name}`, platform: 'any' });
  await createInstance(services, caller, { name: `${name}-1`, template_id: id, track: 'live' });

  const { operation } = await assignModule(services, caller, { template_id: id, module: name });
  expect((await world.operation(operation.id)).state).toBe('succeeded');
  const version = (await getModule(services.db, account, name))?.live_version_id;
  await eventually(`a composition with ${name}`, async () => {
    const uses = await usesOfModule(services, account, { module: name, tracks: ['live'] });
    return uses.find(({ version_id }) => version_id === version) ?? null;
  });

  return id;
}

describe('a promotion over several states', () => {
  it('is one operation, which a reviewer approves once', async ({ world }) => {
    const [version] = await built(world, 'leaping');
    expect(await promote(world, version, 'live', rita)).toMatchObject({
      state: 'succeeded',
      actions: ['module_promote_to_live'],
      summary: 'promote leaping 1.0.0 to live',
    });

    expect(await stateOf(world, version)).toBe('live');
    expect(await versionNow(world, version)).toMatchObject({
      approvals: [{ action: 'module_promote_to_live', reviewer: rita.email }],
    });
  });
});

describe('a version goes back', () => {
  it('from staging to built, and from retired to built', async ({ world }) => {
    const [version] = await built(world, 'returning');
    for (const to of ['staging', 'built', 'retired', 'built', 'staging'] as const) {
      expect(await promote(world, version, to)).toMatchObject({ state: 'succeeded' });
      expect(await stateOf(world, version)).toBe(to);
    }
  });
});

describe('a version that machines use and no other can replace', () => {
  it('is not retired; the refusal names templates and machines', async ({ world }) => {
    const [version] = await built(world, 'needed');
    await raise(world, version, 'live', rita);
    await used(world, 'needed');

    await expect(
      promoteVersion(world.services, world.caller, { id: version.id, to: 'retired' }),
    ).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining('template with-needed (live, 1 machines)'),
    });
  });

  it('is withdrawn where it is asked for by name and a reviewer approves', async ({ world }) => {
    const [version] = await built(world, 'doomed');
    await raise(world, version, 'live', rita);
    await used(world, 'doomed');

    const { services, caller, account } = world;
    const input = { id: version.id, to: 'retired', withdraw: true };
    const { id } = await promoteVersion(services, caller, input);
    expect(await world.operation(id, 'awaiting_approval')).toMatchObject({
      actions: ['module_withdraw'],
      summary: 'withdraw doomed 1.0.0',
    });

    expect((await getModule(services.db, account, 'doomed'))?.live_version_id).toBe(version.id);
  });

  it('is retired once another version is live', async ({ world }) => {
    const [first, second] = await built(world, 'followed', 2);
    if (second === undefined) throw new Error('expected two versions');
    await raise(world, first, 'live', rita);
    await used(world, 'followed');

    expect((await promote(world, second, 'live', rita)).state).toBe('succeeded');
    expect(await promote(world, first, 'retired')).toMatchObject({ state: 'succeeded' });
  });
});
