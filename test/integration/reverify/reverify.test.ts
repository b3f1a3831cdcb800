import { describe, expect } from 'vitest';
import { enqueue } from '../../../shared/actions/context/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { explainArtifact } from '../../../shared/actions/modules/index.ts';
import {
  assignModule,
  decideApproval,
  updateModule,
} from '../../../shared/actions/operations/index.ts';
import { reverifyVersion } from '../../../shared/actions/reverify/index.ts';
import { verifySignatures } from '../../../shared/actions/signatures/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { sha256Hex } from '../../../shared/base/ids.ts';
import type { Member } from '../../../shared/domain/accounts/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import {
  type Module,
  type ModuleChanges,
  withModuleChanges,
} from '../../../shared/domain/modules/index.ts';
import type { FoundSignature } from '../../../shared/domain/signatures/index.ts';
import { signArtifact, verdictRules } from '../../../shared/signature/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { getInstance } from '../../../shared/store/machines/index.ts';
import { getModule, putRegistration } from '../../../shared/store/modules/index.ts';
import { recentOperations } from '../../../shared/store/operations/index.ts';
import { getVerdict, putVerdict } from '../../../shared/store/signatures/index.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { eventsOf } from '../../support/flow.ts';
import { as, promote, requirePending, versionNow } from '../../support/operations.ts';
import { type Flow, proxiedFlowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

const [old, next] = [authorKey(), authorKey()];
let reviewer: Member;

it.beforeAll(async ({ world }) => {
  reviewer = await world.reviewer();
});

async function staged(world: World, name: string, version = '1.0.0'): Promise<Version> {
  const built = await world.ingest(
    { name, files: { 'etc/content': `${name} ${version}` } },
    `v${version}`,
    old,
  );

  await promote(world, built, 'staging');
  return built;
}

async function row({ world, services }: Flow, name: string) {
  const module = await getModule(services.db, world.account, name);
  if (module === null) throw new Error(`expected module ${name}`);
  return module;
}

/** Changes whom a module trusts at just this moment, and nothing else follows from it. */
async function changeNow(flow: Flow, name: string, set: ModuleChanges): Promise<void> {
  const was = await row(flow, name);
  const { policy_version } = withModuleChanges(was, set);
  await transact(flow.services.db, [
    putRegistration(was, { ...set, policy_version, updated_at: new Date().toISOString() }),
  ]);
}

const reverify = ({ world, services }: Flow, { id }: Version, by = services) =>
  reverifyVersion(by, { account: world.account, version_id: id });

describe('a version whose signer was removed', () => {
  it('is quarantined, kept by the machine that has it, withheld from a new one, and released when it verifies again', async ({
    flow,
    world,
    services,
  }) => {
    const { caller, account } = world;
    await world.register('agented', old, { trusted_keys: [old.publicPem, next.publicPem] });

    const version = await staged(world, 'agented');
    const template = await createTemplate(world.services, caller, {
      name: 'hosts',
      platform: 'ubuntu-24.04-amd64',
    });

    const create = async (name: string) =>
      (
        await createInstance(world.services, caller, {
          name,
          template_id: template.id,
          track: 'staging',
        })
      ).instance;

    const first = await create('first');
    const { operation } = await assignModule(world.services, caller, {
      template_id: template.id,
      module: 'agented',
    });

    expect(await world.operation(operation.id)).toMatchObject({ state: 'succeeded' });
    const digest = version.builds[0]?.composefs_digest;

    const has = (id: string) =>
      eventually(`${id} to have the version`, async () => {
        const instance = await getInstance(services.db, account, id);
        return instance?.desired_hash && instance.desired_modules.agented === digest
          ? instance
          : null;
      });

    const before = await has(first.id);

    const removal = await updateModule(world.services, caller, 'agented', {
      trusted_keys: [next.publicPem],
      quarantine: true,
    });
    expect(await world.operation(removal.id)).toMatchObject({
      state: 'succeeded',
      actions: ['module_change'],
    });

    const quarantined = await eventually('the quarantine', async () => {
      const now = await versionNow(world, version);
      return now.quarantined ? now : null;
    });
    expect(quarantined.reverification).toMatchObject({
      outcome: 'quarantined',
      code: 'key_mismatch',
      policy_version: (await row(flow, 'agented')).policy_version,
    });

    expect(await promote(world, quarantined, 'blessed').catch(({ code }) => code)).toBe(
      'version_quarantined',
    );

    const second = await create('second');
    await enqueue(world.services, 'reconcile', [
      { account, instance_id: first.id },
      { account, instance_id: second.id },
    ]);
    await eventually('the refusal', async () => {
      const instance = await getInstance(services.db, account, second.id);
      return instance?.desired_error?.code === 'version_quarantined' ? instance : null;
    });

    const kept = await getInstance(services.db, account, first.id);
    expect(kept?.desired_modules).toEqual(before.desired_modules);
    expect(await getComposition(services.db, account, template.id, 'staging')).not.toBeNull();

    const keys = [old.publicPem, next.publicPem];
    const { id } = await updateModule(world.services, caller, 'agented', { trusted_keys: keys });
    const waiting = await world.operation(id, 'awaiting_approval');
    const decision = { id: requirePending(waiting), decision: 'approve', comment: null } as const;

    await decideApproval(world.services, as(reviewer), decision);
    await eventually('the release', async () =>
      (await versionNow(world, version)).quarantined ? null : true,
    );
    await has(second.id);

    const told = await eventsOf(services, account, 'gantry.version.quarantined');
    expect(told).toMatchObject([
      { subject: `version/${version.id}`, actor: 'gantry:reverify', data: { module: 'agented' } },
    ]);
    expect(await eventsOf(services, account, 'gantry.version.released')).toHaveLength(1);
  });

  it('stays when another signature that came later verifies, and machines get that one', async ({
    flow,
    proxy,
    world,
  }) => {
    await world.register('twice', old, { trusted_keys: [old.publicPem, next.publicPem] });
    const version = await staged(world, 'twice');

    await world.sign('twice', version.digest, next);
    await changeNow(flow, 'twice', { trusted_keys: [next.publicPem] });
    expect(await reverify(flow, version)).toBe('verified');

    const now = await versionNow(world, version);
    expect(now.quarantined).toBe(false);
    expect(now.stored_signatures_key).not.toBe(version.stored_signatures_key);
    expect(now.signatures).toContainEqual(expect.objectContaining({ code: 'verified' }));

    // The stored signature suffices from now on. The registry is only asked for attestations.
    proxy.interfere = (_, response) => {
      response.writeHead(503).end();
      return true;
    };
    expect(await reverify(flow, version)).toBe('verified');
    proxy.interfere = null;
    expect(await versionNow(world, version)).toEqual(now);
  });

  it('is released by a signature that comes after the quarantine', async ({
    flow,
    world,
    services,
  }) => {
    await world.register('late', old, { trusted_keys: [old.publicPem, next.publicPem] });
    const version = await staged(world, 'late');

    await changeNow(flow, 'late', { trusted_keys: [next.publicPem] });
    expect(await reverify(flow, version)).toBe('quarantined');
    expect(await reverify(flow, version)).toBe('quarantined');

    const why = () => explainArtifact(services, world.caller, { module: 'late', ref: '1.0.0' });
    expect((await why()).reason).toMatchObject({
      code: 'key_mismatch',
      message: expect.stringMatching(
        /^it is a version, in state staging, and quarantined: signed by/,
      ),
    });

    await world.sign('late', version.digest, next);
    expect(await reverify(flow, version)).toBe('verified');
    expect((await why()).reason).toMatchObject({ code: null });
    expect((await versionNow(world, version)).quarantined).toBe(false);
  });
});

describe('a version that does not verify stays', () => {
  // sigstore/cosign#2973: a refusal may mean that nothing is there, which it does not prove.
  it('while the registry refuses what beside it can be a signature', async ({
    flow,
    proxy,
    world,
  }) => {
    await world.register('refused', old, { trusted_keys: [old.publicPem, next.publicPem] });
    const version = await staged(world, 'refused');

    await changeNow(flow, 'refused', { trusted_keys: [next.publicPem] });
    proxy.interfere = (request, response) => {
      if (!/\/refused\/(referrers\/|manifests\/sha256-)/.test(request.url ?? '')) return false;
      response.writeHead(403).end();
      return true;
    };
    expect(await reverify(flow, version)).toBe('unconfirmed');
    expect(await versionNow(world, version)).toMatchObject({
      quarantined: false,
      reverification: { outcome: 'unconfirmed', code: 'registry_unauthorized' },
    });
    proxy.interfere = null;
  });

  it('while the registry does not answer', async ({ flow, proxy, world }) => {
    await world.register('offline', old, { trusted_keys: [old.publicPem, next.publicPem] });
    const version = await staged(world, 'offline');

    await changeNow(flow, 'offline', { trusted_keys: [next.publicPem] });
    proxy.interfere = (_, response) => {
      response.writeHead(500).end();
      return true;
    };
    expect(await reverify(flow, version)).toBe('unconfirmed');
    proxy.interfere = null;
    expect(await versionNow(world, version)).toMatchObject({
      quarantined: false,
      reverification: { outcome: 'unconfirmed', code: 'registry_error' },
    });
    expect(await reverify(flow, version)).toBe('quarantined');
  });

  it('as it is where the trust root was never refreshed, and is announced once', async ({
    flow,
    world,
    services,
  }) => {
    await world.register('stale', old);
    const version = await staged(world, 'stale');

    // From now on a log entry is demanded, which the public-good root judges: the shipped copy, of
    // unknown age.
    await changeNow(flow, 'stale', { require_tlog: true });
    expect(await reverify(flow, version)).toBe('unconfirmed');
    expect(await reverify(flow, version)).toBe('unconfirmed');
    expect(await versionNow(world, version)).toMatchObject({
      quarantined: false,
      reverification: { outcome: 'unconfirmed', code: 'tlog_missing' },
    });

    const told = await eventsOf(services, world.account, 'gantry.version.unconfirmed');
    expect(told.filter(({ data }) => data.module === 'stale')).toHaveLength(1);
  });

  it('quarantined for a certain reason, which an unconfirmed verdict neither lifts nor replaces', async ({
    flow,
    world,
  }) => {
    await world.register('certain', old, { trusted_keys: [old.publicPem, next.publicPem] });
    const version = await staged(world, 'certain');

    await changeNow(flow, 'certain', { trusted_keys: [next.publicPem] });
    expect(await reverify(flow, version)).toBe('quarantined');
    await changeNow(flow, 'certain', { trusted_keys: [old.publicPem], require_tlog: true });
    expect(await reverify(flow, version)).toBe('quarantined');
    expect(await versionNow(world, version)).toMatchObject({
      reverification: { code: 'key_mismatch' },
    });
  });
});

describe('many versions that do not verify any more', () => {
  it('wait for a reviewer after the first five, and are quarantined once one approved', async ({
    proxy,
    services,
  }) => {
    const crowd = await World.create(proxy.host);
    const boss = await crowd.reviewer();

    await crowd.register('many', old, { trusted_keys: [old.publicPem, next.publicPem] });
    const versions: Version[] = [];

    for (let i = 0; i < 7; i++) {
      const version = await crowd.ingest(
        { name: 'many', files: { 'etc/n': `${i}` } },
        `v1.0.${i}`,
        old,
      );

      await promote(crowd, version, 'staging');
      versions.push(version);
    }

    const { id } = await updateModule(crowd.services, crowd.caller, 'many', {
      trusted_keys: [next.publicPem],
    });
    expect(await crowd.operation(id)).toMatchObject({ state: 'succeeded' });

    const outcomes = async () =>
      (await Promise.all(versions.map((version) => versionNow(crowd, version)))).map(
        ({ quarantined, reverification }) => `${reverification?.outcome} ${quarantined}`,
      );
    await eventually('five quarantined, two held', async () => {
      const sorted = (await outcomes()).sort();
      return sorted.filter((one) => one === 'quarantined true').length === 5 &&
        sorted[0] === 'held false' &&
        sorted[1] === 'held false'
        ? true
        : null;
    });

    expect(await eventsOf(services, crowd.account, 'gantry.version.quarantine_held')).toHaveLength(
      2,
    );

    const questions = async () =>
      (await recentOperations(services.db, crowd.account, 50)).filter(({ actions }) =>
        actions.includes('mass_quarantine'),
      );
    await eventually('the question', async () => ((await questions()).length > 0 ? true : null));

    // A version that is held again on the same day asks no second question.
    const held = (await Promise.all(versions.map((version) => versionNow(crowd, version)))).find(
      ({ quarantined }) => !quarantined,
    );
    const again = { account: crowd.account, version_id: held?.id ?? '' };
    expect(await reverifyVersion(services, again)).toBe('held');
    const asked = await questions();

    expect(asked).toMatchObject([
      {
        requested_by: 'gantry:reverify',
        summary: 'quarantine every version that no longer verifies, after 5 of them within a day',
      },
    ]);

    const waiting = await crowd.operation(asked[0]?.id ?? '', 'awaiting_approval');
    const decision = { id: requirePending(waiting), decision: 'approve', comment: null } as const;

    await decideApproval(crowd.services, as(boss), decision);
    await eventually('all quarantined', async () =>
      (await outcomes()).every((one) => one === 'quarantined true') ? true : null,
    );
    await crowd.close();
  });
});

describe('a verdict', () => {
  const digest = `sha256:${'ab'.repeat(32)}`;
  const signature = (key: typeof old): FoundSignature => ({
    format: 'bundle',
    source: 'referrers',
    claimed_digest: digest,
    bundle: signArtifact({ digest, key: key.private }),
  });

  const keyOf = (module: Module, found: FoundSignature[], account = module.account) => ({
    account,
    digest,
    policy_version: module.policy_version,
    trust_root_version: 'none',
    found_signatures_sha256: sha256Hex(JSON.stringify(found)),
    rules: verdictRules,
  });

  it('is looked up when nothing changed, in its own account only, and never outlives what it was made of', async ({
    flow,
    world,
    services,
  }) => {
    await world.register('cached', old);
    const module = await row(flow, 'cached');
    const artifact = { digest, builds: [] };
    const refused = await verifySignatures(services, module, artifact, []);

    expect(refused.verdict).toMatchObject({ verified: false, code: 'unsigned' });
    expect(await getVerdict(services.db, keyOf(module, []))).toEqual(refused.verdict);
    expect(await getVerdict(services.db, keyOf(module, [], 'another'))).toBeNull();

    // A late signature changes what was found, and another policy gives another verdict.
    const late = [signature(old)];
    expect((await verifySignatures(services, module, artifact, late)).verdict.verified).toBe(true);
    await changeNow(flow, 'cached', { trusted_keys: [next.publicPem] });
    expect(
      (await verifySignatures(services, await row(flow, 'cached'), artifact, late)).verdict.code,
    ).toBe('key_mismatch');

    // What is remembered is made recognisable: only a look-up can give it back.
    const other = [signature(next)];
    const remembered = { ...refused.verdict, message: 'remembered' };

    await putVerdict(
      services.db,
      keyOf(module, other),
      remembered,
      Math.ceil(Date.now() / 1000) + 60,
    );

    expect((await verifySignatures(services, module, artifact, other)).verdict).toEqual(remembered);
  });
});
