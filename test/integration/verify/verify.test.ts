import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { cosignCase, cosignFixtures, trustedRoot } from '../../../scripts/cosign-fixtures.ts';
import type { Services } from '../../../shared/actions/context/index.ts';
import { explainArtifact, requestPoll } from '../../../shared/actions/modules/index.ts';
import { BudgetSpent } from '../../../shared/actions/registries/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import type { EventType } from '../../../shared/contract/events/index.ts';
import type { Candidate } from '../../../shared/domain/candidates/index.ts';
import { loadLayout } from '../../support/docker-registry.ts';
import { eventsOf, hoursLater, offSchedule, pollAlone, signDigest } from '../../support/flow.ts';
import { type Flow, proxiedFlowTest as it } from '../../support/set-up.ts';
import { authorKey } from '../../support/world.ts';

const key = authorKey();

/** Pushes a module without a signature, and has it found. */
async function found({ world, services }: Flow, name: string, content = name): Promise<Candidate> {
  await world.register(name, key);
  await offSchedule(services, world.account, name);

  const digest = await world.push(
    await world.build({ name, files: { 'etc/content': content } }),
    name,
    'v1.0.0',
  );

  return pollAlone(services, world.account, name, digest);
}

/** Verifies a candidate; answers how it stands afterwards. */
async function verify(
  { world, services }: Flow,
  { module, digest, id }: Candidate,
  at: Services = services,
): Promise<Candidate> {
  await verifyCandidate(at, { account: world.account, module, version_id: id });
  const candidate = await world.candidate(module, digest);
  if (candidate === null) throw new Error(`expected candidate ${id}`);
  return candidate;
}

/** Verifies ten times concurrently. As its queue does, sends again what met a spent budget. */
async function verifyTenTimes(flow: Flow, candidate: Candidate): Promise<void> {
  const deliver = async (): Promise<void> => {
    try {
      await verify(flow, candidate);
    } catch (error) {
      if (!(error instanceof BudgetSpent)) throw error;
      await setTimeout(error.waitSeconds * 1000);
      await deliver();
    }
  };

  await Promise.all(Array.from({ length: 10 }, deliver));
}

const sign = ({ client, world }: Flow, { module, digest }: Candidate) =>
  signDigest(client, `${world.account}/${module}`, digest, key);

async function countOf(
  { world, services }: Flow,
  type: EventType,
  { id }: Candidate,
): Promise<number> {
  const events = await eventsOf(services, world.account, type);
  return events.filter(({ subject }) => subject === `version/${id}`).length;
}

describe('a candidate without a signature', () => {
  it('waits, asked less and less often, and is rejected as unsigned after 24 hours', async ({
    flow,
    services,
  }) => {
    const candidate = await found(flow, 'unsigned');
    const waits: number[] = [];

    for (let i = 0; i < 3; i++) {
      const waiting = await verify(flow, candidate);
      expect(waiting).toMatchObject({ state: 'awaiting_signature', code: 'awaiting_signature' });
      waits.push((Date.parse(waiting.next_verify_at ?? '') - Date.now()) / 1000);
    }

    expect(waits.map((wait) => Math.ceil(wait / 30))).toEqual([1, 2, 4]);

    const rejected = await verify(flow, candidate, hoursLater(services, 24.1));
    expect(rejected).toMatchObject({ state: 'rejected', code: 'unsigned', next_verify_at: null });
    expect(rejected.message).toBe('expected a signature beside the artifact, found none');
    expect(await countOf(flow, 'gantry.candidate.awaiting_signature', candidate)).toBe(1);
    expect(await countOf(flow, 'gantry.candidate.rejected', candidate)).toBe(1);
  });

  it('is verified even later when somebody signs it and asks for a poll', async ({
    flow,
    world,
    services,
  }) => {
    const candidate = await found(flow, 'very-late');
    await verify(flow, candidate, hoursLater(services, 25));
    await sign(flow, candidate);
    await requestPoll(world.services, world.caller, 'very-late');
    await world.inState('very-late', candidate.digest, 'ingested');
  });
});

describe('a signature that does not satisfy', () => {
  it('because another key made it is a rejection, and is asked again', async ({
    flow,
    client,
    world,
  }) => {
    const candidate = await found(flow, 'other-key');
    await signDigest(client, `${world.account}/other-key`, candidate.digest, authorKey());

    const rejected = await verify(flow, candidate);
    expect(rejected).toMatchObject({
      state: 'rejected',
      code: 'key_mismatch',
      stored_signatures_key: null,
    });
    expect(rejected.message).toMatch(/^signed by key .*, expected /);
    expect(rejected.next_verify_at).not.toBeNull();
    await sign(flow, candidate);

    const verified = await verify(flow, candidate);
    expect(verified).toMatchObject({ state: 'verified', code: null, message: null });
    expect(verified.signatures.map(({ code }) => code).sort()).toEqual([
      'key_mismatch',
      'verified',
    ]);
  });

  it('because it was made for another digest is a rejection', async ({
    flow,
    client,
    world,
    services,
  }) => {
    const other = await found(flow, 'other-digest');
    const repository = `${world.account}/other-digest`;

    await sign(flow, other);
    const tar = await world.build({
      name: 'other-digest',
      files: { 'etc/content': 'unsigned bytes' },
    });
    const digest = await world.push(tar, 'other-digest', 'v2.0.0');

    await signDigest(client, repository, other.digest, key, digest);
    const rejected = await verify(
      flow,
      await pollAlone(services, world.account, 'other-digest', digest),
    );

    expect(rejected).toMatchObject({ state: 'rejected', code: 'digest_mismatch' });
    expect(rejected.message).toContain(other.digest);
  });

  it.for([
    ['keyless-wrong-identity', 'rejected', 'identity_mismatch'],
    ['keyless-wrong-issuer', 'rejected', 'issuer_mismatch'],
    ['attestation-only', 'awaiting_signature', 'awaiting_signature'],
    ['keyless-ok', 'verified', null],
  ] as const)(
    'is judged as cosign judges it: %s is %s',
    async ([name, state, code], { flow, registry, world, services }) => {
      const { layout, digest, tag, identity_regexp, issuer_regexp } = cosignCase(name);
      await loadLayout(registry, `${world.account}/${name}`, join(cosignFixtures, layout));

      await world.register(name, key, {
        trusted_keys: [],
        cosign_identity_regexp: identity_regexp ?? '',
        cosign_issuer_regexp: issuer_regexp ?? '',
        trusted_root: trustedRoot as Record<string, unknown>,
        require_tlog: true,
      });

      await offSchedule(services, world.account, name);
      const judged = await verify(flow, await pollAlone(services, world.account, name, digest));

      expect(judged).toMatchObject({ state, code, tags: [tag] });
      if (state === 'rejected') expect(judged.message).toMatch(/expected .*\/\^/);
    },
  );
});

describe('a registry that fails while signatures are read', () => {
  it('is no verdict: the state stays, the code is shown, it is asked again', async ({
    flow,
    proxy,
    services,
  }) => {
    const candidate = await found(flow, 'outage');
    const waiting = await verify(flow, candidate);

    await sign(flow, candidate);
    let broken = true;

    proxy.interfere = (request, response) => {
      if (!broken || !request.url?.includes('/outage/')) return false;
      response.writeHead(503, { 'retry-after': '7200' }).end();
      return true;
    };

    const during = await verify(flow, candidate);
    expect(during).toMatchObject({
      state: waiting.state,
      code: 'registry_error',
      attempts: waiting.attempts + 1,
    });

    expect(Date.parse(during.next_verify_at ?? '')).toBeGreaterThan(Date.now() + 7_000_000);
    expect(during.message).toContain('503');

    const old = await verify(flow, candidate, hoursLater(services, 48));
    expect(old).toMatchObject({ state: waiting.state, code: 'registry_error' });
    expect(old.next_verify_at).not.toBeNull();
    broken = false;
    expect(await verify(flow, candidate)).toMatchObject({ state: 'verified', code: null });
    expect(await countOf(flow, 'gantry.candidate.rejected', candidate)).toBe(0);
  });
});

describe('the same message ten times concurrently', () => {
  it('gives one verdict and one event', async ({ flow }) => {
    const candidate = await found(flow, 'ten-verified');
    await sign(flow, candidate);
    await verifyTenTimes(flow, candidate);
    expect(await verify(flow, candidate)).toMatchObject({ state: 'verified', attempts: 0 });
    expect(await countOf(flow, 'gantry.candidate.verified', candidate)).toBe(1);
  });

  it('counts as one attempt where there is no signature', async ({ flow, world }) => {
    const candidate = await found(flow, 'ten-waiting');
    await verifyTenTimes(flow, candidate);

    const waiting = await world.candidate('ten-waiting', candidate.digest);
    expect(waiting).toMatchObject({ state: 'awaiting_signature' });
    expect(waiting?.attempts).toBeLessThan(10);
    expect(await countOf(flow, 'gantry.candidate.awaiting_signature', candidate)).toBe(1);
  });
});

describe('an artifact is explained', () => {
  const explain = ({ world, services }: Flow, module: string, ref: string) =>
    explainArtifact(services, world.caller, { module, ref });

  it('by each signature that was found beside it, where, and what it lacks', async ({
    flow,
    client,
    world,
  }) => {
    const candidate = await found(flow, 'explained');
    await signDigest(client, `${world.account}/explained`, candidate.digest, authorKey());
    await verify(flow, candidate);

    for (const ref of ['v1.0.0', '1.0.0', candidate.digest, candidate.id]) {
      const { version, reason, ...rest } = await explain(flow, 'explained', ref);
      expect(version).toBeNull();
      expect(reason).toMatchObject({
        code: 'key_mismatch',
        message: expect.stringMatching(/^signed by key .*, expected /),
      });
      expect(reason.cure).toContain('Sign with a key that the registration trusts');

      expect(rest.candidate?.signatures).toMatchObject([
        {
          source: 'fallback_tag',
          claimed_digest: expect.stringMatching(/^sha256:/),
          code: 'key_mismatch',
        },
      ]);
    }
  });

  it('also once it is a version, with the signatures that verified it', async ({
    flow,
    registry,
    world,
    services,
  }) => {
    const name = 'keyless-explained';
    const { layout, digest, identity_regexp, issuer_regexp } = cosignCase('keyless-ok');

    await loadLayout(registry, `${world.account}/${name}`, join(cosignFixtures, layout));
    await world.register(name, key, {
      trusted_keys: [],
      cosign_identity_regexp: identity_regexp ?? '',
      cosign_issuer_regexp: issuer_regexp ?? '',
      trusted_root: trustedRoot as Record<string, unknown>,
      require_tlog: true,
    });

    await offSchedule(services, world.account, name);
    await verify(flow, await pollAlone(services, world.account, name, digest));

    const { candidate, reason } = await explain(flow, name, digest);
    expect(reason).toEqual({
      code: null,
      message: 'it is verified; ingest comes next',
      cure: null,
    });

    expect(candidate?.signatures[0]?.proof?.log_entries).toMatchObject([
      { index: expect.stringMatching(/^\d+$/) },
    ]);
  });

  it('when it was never taken up: a tag that is not a version, and one that does not exist', async ({
    flow,
  }) => {
    await found(flow, 'never');
    expect((await explain(flow, 'never', 'latest')).reason).toMatchObject({
      code: null,
      message: expect.stringContaining('found "latest": such tags are ignored'),
      cure: 'Tag the artifact with a version, such as v1.2.3.',
    });

    const { candidate, poll, reason } = await explain(flow, 'never', 'v9.9.9');
    expect(candidate).toBeNull();
    expect(reason.message).toBe(
      `no tag that Gantry saw in the repository names it; last polled ${poll?.polled_at}`,
    );
    await expect(explain(flow, 'nobody', 'v1.0.0')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('never by what another module of the account has', async ({ flow }) => {
    const other = await found(flow, 'explained-other');
    const { candidate } = await explain(flow, 'never', other.id);
    expect(candidate).toBeNull();
  });
});
