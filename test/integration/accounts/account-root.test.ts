import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DisableKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { z } from 'zod';
import {
  continueCreation,
  createAccount,
  createToken,
  readAccount,
  scheduleCreations,
} from '../../../shared/actions/accounts/index.ts';
import type { Services } from '../../../shared/actions/context/index.ts';
import { rootAnswer, trustAnswer } from '../../../shared/contract/accounts/index.ts';
import { verifyNextRoot, verifyRoot } from '../../../shared/director/index.ts';
import {
  getAccount,
  getAccountCreation,
  listCategories,
  listTokens,
} from '../../../shared/store/accounts/index.ts';
import { apiAs } from '../../support/api.ts';
import { alone, eventsOf, hoursLater } from '../../support/flow.ts';
import { type Ended, runGantry } from '../../support/gantry.ts';
import { runScheduled } from '../../support/scheduled.ts';
import { eventually, World } from '../../support/world.ts';

type Trust = z.infer<typeof trustAnswer>;

const { publicUrl } = inject('stack');
let world: World;
let home: string;

beforeAll(async () => {
  world = await World.create('registry.example');
  home = await mkdtemp(join(tmpdir(), 'gantry-trust-'));
});
afterAll(async () => {
  await world.close();
  await rm(home, { recursive: true, force: true });
});

/** Runs `gantry trust root …` in a directory of keys, with a token or without a deployment. */
function trust(line: string[], token: string | null = world.token): Promise<Ended> {
  const session = token === null ? {} : { GANTRY_URL: publicUrl, GANTRY_TOKEN: token };
  const env = { ...session, XDG_CONFIG_HOME: home, COSIGN_PASSWORD: 'swordfish' };
  return runGantry(['trust', 'root', ...line], { env, cwd: home });
}

/** Runs a command that is to end with a code; answers what the account trusts then. */
async function answer(code: number, ...line: string[]) {
  const outcome = await trust([...line, '--json']);
  expect([outcome.code, outcome.code === 2 ? outcome.stderr : '']).toEqual([code, '']);
  return trustAnswer.parse(JSON.parse(outcome.stdout));
}

it('offline keys, a threshold and a new director key come by roots that follow each other', async () => {
  const first = await answer(0, 'show');
  expect(first).toMatchObject({
    root: { version: 1, threshold: 1, keys: [first.root.director] },
    proposal: null,
  });

  for (const line of [['alice.pem'], ['bob.pem', '--ed25519']])
    expect((await trust(['make-key', ...line])).code).toBe(0);
  expect((await stat(join(home, 'alice.pem'))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(home, 'alice.pem'), 'utf8')).toContain('ENCRYPTED');
  expect((await trust(['make-key', 'alice.pem'])).stderr).toContain('io_error');

  // The director signs for itself; Alice has to show that she holds her key.
  const asked = await answer(3, 'add-key', 'alice.pem.pub');
  expect(asked.root.version).toBe(1);
  expect(asked.proposal).toMatchObject({ version: 2, unproven: [expect.any(String)] });
  expect(await answer(0, 'sign', '--key', 'alice.pem')).toMatchObject({
    root: { version: 2 },
    proposal: null,
  });

  // Bob signs without a network, what was carried over and back.
  const proposed = await answer(3, 'add-key', 'bob.pem.pub', '--threshold', '2');
  await writeFile(join(home, 'proposal.json'), JSON.stringify(proposed));

  const offline = await trust(['sign', '--key', 'bob.pem', '--proposal', 'proposal.json'], null);
  expect(offline).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('signing root 3: needs 2 of 3 keys'),
  });
  await writeFile(join(home, 'signature.json'), offline.stdout);
  expect(await answer(0, 'sign', '--signature', 'signature.json')).toMatchObject({
    root: { version: 3, threshold: 2 },
  });

  // From here on the platform alone can change nothing.
  const removal = await answer(3, 'remove-key', first.root.director.key_id);
  expect(removal.proposal?.needs.map(({ signed }) => signed.length)).toEqual([1, 0]);
  await answer(3, 'sign', '--key', 'alice.pem');
  expect(await answer(0, 'sign', '--key', 'bob.pem')).toMatchObject({ root: { version: 4 } });

  const rotation = await answer(3, 'rotate');
  expect(rotation.proposal?.needs.map(({ signed }) => signed)).toEqual([[], []]);
  expect(rotation.proposal?.director.key_id).not.toBe(first.root.director.key_id);
  expect(await trust(['withdraw'])).toMatchObject({
    code: 0,
    stdout: 'withdrew the proposed root\n',
  });
  await answer(3, 'rotate');
  await answer(3, 'sign', '--key', 'bob.pem');

  const last = await answer(0, 'sign', '--key', 'alice.pem');
  expect(last.root).toMatchObject({ version: 5, threshold: 2 });
  expect(last.superseded.map(({ version }) => version)).toEqual([1, 2, 3, 4]);

  const shown = await trust(['show']);
  expect(shown.stdout).toMatch(/root +5, in force/);
  expect(shown.stdout).toContain('2 of 2 signatures');

  // As a machine follows it that joined under the first.
  const headers = { authorization: `Bearer ${world.token}` };
  const bytes = await Promise.all(
    [1, 2, 3, 4, 5].map(async (version) => {
      const response = await fetch(`${publicUrl}/api/v1/trust/roots/${version}`, { headers });
      return Buffer.from(rootAnswer.parse(await response.json()).root.metadata, 'base64');
    }),
  );

  const [pinned, ...chain] = bytes;
  const followed = chain.reduce(
    (root, next) => verifyNextRoot(next, root),
    verifyRoot(pinned ?? Buffer.alloc(0), first.root.sha256),
  );

  expect(followed.signed.version).toBe(5);
});

it('is refused without the role admin, without a key that counts, and beside another change', async () => {
  const { secret } = await createToken(world.services, world.caller, {
    name: 'operator',
    roles: ['operator'],
  });
  expect((await trust(['show'], secret)).code).toBe(0);

  for (const line of [['rotate'], ['withdraw'], ['add-key', 'alice.pem.pub']]) {
    expect(await trust(line, secret)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('(forbidden)'),
    });
  }

  const refusals: [string[], string][] = [
    [['threshold', '3'], 'root_change_invalid'],
    [['remove-key', 'f'.repeat(64)], 'root_change_invalid'],
    [['add-key', 'alice.pem.pub'], 'root_change_invalid'],
    [['sign', '--key', 'alice.pem'], 'not_found'],
    [['sign'], 'usage'],
  ];

  for (const [line, code] of refusals) {
    expect(await trust(line)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`(${code})`),
    });
  }

  await answer(3, 'rotate');
  await trust(['make-key', 'mallory.pem']);
  expect((await trust(['sign', '--key', 'mallory.pem'])).stderr).toContain(
    '(root_signature_invalid)',
  );
  expect((await trust(['rotate'])).stderr).toContain('(root_proposal_open)');
});

/** Services whose KMS fails at a command, as when it is down; the others work. */
function withoutKms(services: Services, command: string): Services {
  const kms = new Proxy(services.aws.kms, {
    get(client: KMSClient, name) {
      if (name !== 'send') return Reflect.get(client, name);
      return (sent: Parameters<KMSClient['send']>[0]) =>
        sent.constructor.name === command
          ? Promise.reject(new Error('KMS is down'))
          : client.send(sent);
    },
  });
  return { ...services, aws: { ...services.aws, kms } };
}

const newSlug = () => `n${randomBytes(5).toString('hex')}`;

it.each(['CreateKeyCommand', 'SignCommand'])(
  'an account is made later, once, if %s fails at first',
  async (command) => {
    const services = await alone(world.services);
    const slug = newSlug();
    const input = { slug, name: 'New' };

    const requested = await createAccount(withoutKms(services, command), input);
    expect(requested.account).toMatchObject({ state: 'creating', code: 'internal' });
    expect(await getAccount(services.db, slug)).toBeNull();
    const { status } = await apiAs(requested.token).call('GET', '/accounts/current');
    expect(status).toBe(401);

    await expect(createAccount(services, input)).rejects.toMatchObject({
      code: 'account_creating',
    });
    expect(await continueCreation(services, { account: slug })).toBeNull();
    expect(await readAccount(services, slug)).toMatchObject({ state: 'creating' });

    const first = await getAccountCreation(services.db, slug);
    const afterwards = hoursLater(services, 1);
    expect(await scheduleCreations(afterwards)).toBeGreaterThan(0);
    const results = await Promise.all(
      [1, 2, 3].map(() => continueCreation(afterwards, { account: slug })),
    );
    expect(results.filter((result) => result?.state === 'active')).toHaveLength(1);

    const account = await getAccount(services.db, slug);
    if (command === 'SignCommand') expect(account?.director_key_id).toBe(first?.director_key_id);
    expect(account?.director_key_id).toMatch(/^mrk-/);
    expect(await getAccountCreation(services.db, slug)).toBeNull();
    expect([
      (await listTokens(services.db, slug)).length,
      (await listCategories(services.db, slug)).length,
      (await eventsOf(services, slug, 'gantry.account.created')).length,
    ]).toEqual([1, 5, 1]);

    const { body } = await apiAs(requested.token).call('GET', `/accounts/${slug}`);
    expect(body.account).toMatchObject({ slug, state: 'active', code: null });
    await expect(createAccount(services, input)).rejects.toMatchObject({ code: 'already_exists' });
  },
);

it('an account whose first attempt died is made by the sweep and its queue', async () => {
  const slug = newSlug();
  const dead = { ...world.services, now: () => new Date(Date.now() - 3600_000) };
  const requested = await createAccount(withoutKms(dead, 'CreateKeyCommand'), { slug, name: 'N' });
  expect(requested.account.state).toBe('creating');

  await runScheduled('sweep');
  await eventually('the account', () => getAccount(world.services.db, slug));
  expect((await apiAs(requested.token).call('GET', '/accounts/current')).status).toBe(200);
});

it('an account that fails for a day may be requested again, with the key that it has', async () => {
  const services = await alone(world.services);
  const slug = newSlug();
  const broken = withoutKms(services, 'SignCommand');
  await createAccount(broken, { slug, name: 'New' });
  const { director_key_id } = (await getAccountCreation(services.db, slug)) ?? {};

  expect(await continueCreation(hoursLater(broken, 25), { account: slug })).toMatchObject({
    state: 'failed',
    code: 'internal',
  });
  expect(await continueCreation(hoursLater(services, 49), { account: slug })).toBeNull();
  expect(await eventsOf(services, slug, 'gantry.account.failed')).toHaveLength(1);

  const again = await createAccount(services, { slug, name: 'New' });
  expect(again.account.state).toBe('active');
  expect((await getAccount(services.db, slug))?.director_key_id).toBe(director_key_id);
});

it('another account is shown to nobody but the deployment', async () => {
  const slug = newSlug();
  await createAccount(world.services, { slug, name: 'New' });
  expect((await apiAs(world.token).call('GET', `/accounts/${slug}`)).status).toBe(404);
});

it('a lost director key is replaced with the recovery key, and with none nothing replaces it', async () => {
  expect((await trust(['make-key', 'recovery.pem'])).code).toBe(0);
  const slug = newSlug();
  const recovery_key = await readFile(join(home, 'recovery.pem.pub'), 'utf8');
  const deployment = await createAccount(world.services, {
    slug: `d${slug}`,
    name: 'D',
    platform: true,
  });

  const env = { GANTRY_URL: publicUrl, GANTRY_TOKEN: deployment.token, XDG_CONFIG_HOME: home };
  const made = await runGantry(
    ['account', 'create', slug, '--recovery-key', 'recovery.pem.pub', '--json'],
    { env, cwd: home },
  );
  expect([made.code, made.stderr]).toEqual([0, '']);
  const { token } = JSON.parse(made.stdout);

  const show = async (code: number, line: string[], as = token) => {
    const outcome = await trust([...line, '--json'], as);
    expect([line, outcome.code, outcome.stderr]).toEqual([line, code, expect.anything()]);
    return outcome.code !== 2 ? trustAnswer.parse(JSON.parse(outcome.stdout)) : outcome.stderr;
  };

  const first = (await show(0, ['show'])) as Trust;
  expect(first.root).toMatchObject({ version: 1, threshold: 1 });
  expect(first.root.keys.map(({ public_key }) => public_key)).toContain(recovery_key);

  const { kms } = world.services.aws;
  for (const account of [slug, `d${slug}`]) {
    const row = await getAccount(world.services.db, account);
    await kms.send(new DisableKeyCommand({ KeyId: row?.director_key_id }));
  }

  expect(await show(2, ['rotate'], deployment.token)).toContain('director_key_lost');

  const asked = (await show(3, ['rotate'])) as Trust;
  expect(asked.proposal?.needs).toMatchObject([
    { of: 'current', threshold: 1, signed: [] },
    { of: 'proposed', threshold: 1, signed: [asked.proposal?.director.key_id] },
  ]);

  const last = (await show(0, ['sign', '--key', 'recovery.pem'])) as Trust;
  expect(last.root).toMatchObject({ version: 2 });
  expect(last.root.keys.map(({ key_id }) => key_id)).not.toContain(first.root.director.key_id);

  const [pinned, next] = [first.root.metadata, last.root.metadata].map((metadata) =>
    Buffer.from(metadata, 'base64'),
  );
  const root = verifyRoot(pinned ?? Buffer.alloc(0), first.root.sha256);
  expect(verifyNextRoot(next ?? Buffer.alloc(0), root).signed.version).toBe(2);
});
