import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, assert, beforeAll, describe, expect, it } from 'vitest';
import { composeTemplate, composeView } from '../../../shared/actions/compose/index.ts';
import { readRecord } from '../../../shared/actions/compositions/index.ts';
import { affectedTemplates } from '../../../shared/actions/operations/index.ts';
import { explainTemplatePath } from '../../../shared/actions/preview/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { collectObjects } from '../../../shared/actions/upkeep/index.ts';
import { encodeFileIndex } from '../../../shared/artifact/index.ts';
import { newId } from '../../../shared/base/ids.ts';
import { decodeIndex, encodeIndex } from '../../../shared/composition/index.ts';
import { type ResolutionRecord, viewOf } from '../../../shared/domain/compose/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import type { Module } from '../../../shared/domain/modules/index.ts';
import type { Assignment, Template } from '../../../shared/domain/templates/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import {
  createModule,
  createVersion,
  getModule,
  getVersion,
  moveVersion,
  noteProvider,
  putRegistration,
} from '../../../shared/store/modules/index.ts';
import { getBytes, objectKeys, putByDigest } from '../../../shared/store/objects.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { createAssignment } from '../../../shared/store/templates/index.ts';
import { alone } from '../../support/flow.ts';
import {
  type StoredVersion,
  shippedBuild,
  storedModule,
  storedVersion,
} from '../../support/stored.ts';
import { World } from '../../support/world.ts';
import { tree } from '../../unit/composition/factory.ts';

let victim: World;
let evil: World;
let template: Template;
beforeAll(async () => {
  victim = await World.create('registry.example');
  evil = await World.create('registry.example');
  const asked = { name: 'web', platform: 'ubuntu-24.04-amd64' };
  template = await createTemplate(victim.services, victim.caller, asked);
});
afterAll(async () => {
  await victim.close();
  await evil.close();
});

interface Facts extends StoredVersion {
  row?: Partial<Module>;
  entries?: TreeEntry[];
  requires?: string[];
  provides?: string[];
}

/**
 * A public module with one live version, as registration and ingest leave it. Returns its full
 * name.
 */
async function store(
  { account, services }: World,
  name: string,
  facts: Facts = {},
): Promise<string> {
  const { row, entries = tree([]), requires = [], provides = [], manifest, ...more } = facts;
  const key = objectKeys.fileIndex(account, `sha256:${name}`);

  await putByDigest(
    services.objects,
    { key, body: await encodeFileIndex(entries), type: 'application/gzip' },
    new Date(),
  );

  const dependencies = { requires, provides };
  const build = shippedBuild(key, entries);

  const version = {
    promotion_state: 'live' as const,
    was_live: true,
    manifest: { dependencies, ...manifest },
    build,
    ...more,
  };

  await noteProvider(services.db, account, name, provides);
  await transact(services.db, [
    createModule(storedModule(account, name, { visibility: 'public', ...row })),
    createVersion(storedVersion(account, name, '1.0.0', version)),
  ]);

  return `${account}/${name}`;
}

function assignmentOf(module: string): Assignment {
  const at = '2026-01-01T00:00:00.000Z';
  const settings = {
    constraint: null,
    metadata: {},
    effective_priority: null,
    revision: 1,
    created_at: at,
    updated_at: at,
  };

  return {
    account: victim.account,
    id: newId('assignment'),
    template_id: template.id,
    module,
    ...settings,
  };
}

/** What the victim's machines would be made of, with these modules assigned. */
function composed(...modules: string[]) {
  return composedAfter(null, ...modules);
}

/** The same after another composition; without one of its own changes where it is `closed`. */
function composedAfter(previous: ResolutionRecord | null, ...modules: (string | Assignment)[]) {
  const rows = modules.map((one) => (typeof one === 'string' ? assignmentOf(one) : one));
  const closed = previous !== null;
  const options = { track: 'live', previous, entriesMax: 1000, closed } as const;
  return composeView(victim.services, viewOf(template, rows), options);
}

describe("another account's public module", () => {
  it('cannot take paths that it does not ship by reserving them for itself, however the victim pinned it', async () => {
    const own = await store(victim, 'site', { entries: tree(['/etc/site.conf']) });
    const greedy = await store(evil, 'greedy', {
      row: { granted_reservations: ['/etc/**'] },
      manifest: { protected_spec: ['/etc/**'] },
      entries: tree(['/usr/bin/greedy']),
    });

    const { composition } = await composed(own, greedy);
    expect(composition.report.dropped).toEqual([]);
    expect(composition.owners.get('/etc/site.conf')).toBe(own);
  });

  it('cannot put a version in place of the pinned one by taking that back to staging', async () => {
    const swapped = await store(evil, 'swapped', { entries: tree(['/etc/swapped']) });
    const assigned = { ...assignmentOf(swapped), constraint: '^1.0' };
    const { resolution } = await composedAfter(null, assigned);

    const id = resolution.modules[swapped]?.version_id ?? '';
    const version = await getVersion(evil.services.db, evil.account, id);
    const bad = storedVersion(evil.account, 'swapped', '1.0.1', { promotion_state: 'live' });
    assert(version !== null);
    await transact(evil.services.db, [
      moveVersion(version, 'staging', '2026-01-02T00:00:00.000Z'),
      createVersion(bad),
    ]);

    await expect(composedAfter(resolution, assigned)).rejects.toMatchObject({
      code: 'composition_unsatisfied',
      message: expect.stringContaining('staging'),
    });
  });

  it('cannot bring in another module through a capability that a pinned one requires', async () => {
    const asks = { requires: ['clock@*'], entries: tree(['/etc/asking']) };
    const site = await store(evil, 'asking', asks);
    const clock = (name: string) =>
      store(evil, name, { provides: ['clock'], entries: tree([`/etc/${name}`]) });

    const ntp = await clock('ntp');
    const { resolution } = await composedAfter(null, site);
    expect(Object.keys(resolution.modules)).toEqual([site, ntp]);

    // A module that has the name of the capability would come first.
    await clock('clock');
    const again = { ...resolution, considered: {}, settled: false };
    expect(Object.keys((await composedAfter(again, site)).resolution.modules)).toEqual([site, ntp]);

    const row = await getModule(evil.services.db, evil.account, 'ntp');
    assert(row !== null);
    const { policy_version, updated_at } = row;
    const hidden = { visibility: 'private', policy_version, updated_at } as const;
    await transact(evil.services.db, [putRegistration(row, hidden)]);
    await expect(composedAfter(again, site)).rejects.toMatchObject({
      code: 'composition_unsatisfied',
    });
  });

  it('cannot bring in a carve-out from a third account’s protection, unless the victim assigns it', async () => {
    const secret = '/etc/tls/key.pem';
    const manifest = { protected_spec: [secret] };
    const own = await store(victim, 'tls', { manifest, entries: tree([secret]) });

    const carver = await store(evil, 'carver', {
      row: { variety: 'config', parent_module: own },
      manifest: { file_spec: [secret], mask: [secret], parent_module: own },
      entries: tree([secret]),
    });

    const innocent = await store(evil, 'innocent', { requires: [`${carver}@*`] });

    const required = await composed(own, innocent);
    expect(required.composition.owners.get(secret)).toBe(own);
    expect(required.composition.report.dropped).toEqual([
      { path: secret, from: carver, because_of: own },
    ]);
    expect(required.warnings).toEqual([
      `${carver} is not assigned, so what it carves out of ${own} stays protected`,
    ]);

    const assigned = await composed(own, carver);
    expect(assigned.composition.owners.get(secret)).toBe(carver);
  });

  it('cannot have a worker read the whole platform by requiring it', async () => {
    const requires = Array.from({ length: 10_001 }, (_, i) => `x/y${i}@*`);
    const wide = await store(evil, 'wide', { requires });
    await expect(composed(wide)).rejects.toMatchObject({ code: 'composition_too_complex' });
  });
});

describe('an account that names a private module of another', () => {
  it('does not hear when that is promoted', async () => {
    await store(victim, 'hidden', { row: { visibility: 'private' } });
    await store(victim, 'shown');

    const asked = { name: 'ears', platform: 'ubuntu-24.04-amd64' };
    const { id } = await createTemplate(evil.services, evil.caller, asked);
    const hidden = `${victim.account}/hidden`;
    const shown = `${victim.account}/shown`;
    const listener = await store(evil, 'listener', { requires: [`${hidden}@*`, `${shown}@*`] });
    const row = { ...assignmentOf(listener), account: evil.account, template_id: id };

    await transact(evil.services.db, [createAssignment(row)]);
    const failure = await composeTemplate(await alone(evil.services), {
      account: evil.account,
      template_id: id,
      track: 'live',
    });

    expect(failure).toMatchObject({ code: 'composition_unsatisfied' });
    const told = async (module: string) => {
      const change = {
        kind: 'version_promote',
        module,
        version_id: 'any',
        from: 'blessed',
        to: 'live',
        withdraw: false,
        replaces: null,
      } as const;
      return (
        await affectedTemplates(victim.services, { account: victim.account, changes: [change] })
      ).map(({ account }) => account);
    };

    expect(await told('hidden')).toEqual([]);
    expect(await told('shown')).toEqual([evil.account]);
  });
});

describe('who can write to the bucket', () => {
  it('cannot make the platform sign, preview or explain a composition that does not exist', async () => {
    const { services, caller, account } = victim;
    const { id } = await createTemplate(services, caller, {
      name: 'kept',
      platform: 'ubuntu-24.04-amd64',
    });
    const apart = await alone(services);

    await composeTemplate(apart, { account, template_id: id, track: 'live' });
    const { report_key = '' } = (await getComposition(services.db, account, id, 'live')) ?? {};
    const record = await readRecord(services, report_key);
    const forge = (Key: string, Body: Uint8Array | string) =>
      services.objects.s3.send(
        new PutObjectCommand({ Bucket: services.objects.bucket, Key, Body }),
      );
    const { index_key = '' } = record;
    const forged = decodeIndex(await getBytes(services.objects, index_key));

    await forge(index_key, encodeIndex({ ...forged, paths: ['/', '/etc/innocent'] }));
    const where = { template_id: id, track: 'live', path: '/etc/innocent' } as const;

    await expect(explainTemplatePath(services, account, where)).rejects.toMatchObject({
      code: 'io_error',
    });
    await forge(
      report_key,
      JSON.stringify({ ...record, image: { ...record.image, key: 'accounts/other/images/x' } }),
    );
    await expect(readRecord(services, report_key)).rejects.toMatchObject({ code: 'io_error' });
    await expect(collectObjects(apart, { account })).rejects.toMatchObject({ code: 'io_error' });
  });
});
