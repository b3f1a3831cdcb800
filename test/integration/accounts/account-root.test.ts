import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createToken } from '../../../shared/actions/accounts/index.ts';
import { rootAnswer, trustAnswer } from '../../../shared/contract/accounts/index.ts';
import { verifyNextRoot, verifyRoot } from '../../../shared/director/index.ts';
import { type Ended, runGantry } from '../../support/gantry.ts';
import { World } from '../../support/world.ts';

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
  const asked = await answer(1, 'add-key', 'alice.pem.pub');
  expect(asked.root.version).toBe(1);
  expect(asked.proposal).toMatchObject({ version: 2, unproven: [expect.any(String)] });
  expect(await answer(0, 'sign', '--key', 'alice.pem')).toMatchObject({
    root: { version: 2 },
    proposal: null,
  });

  // Bob signs without a network, what was carried over and back.
  const proposed = await answer(1, 'add-key', 'bob.pem.pub', '--threshold', '2');
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
  const removal = await answer(1, 'remove-key', first.root.director.key_id);
  expect(removal.proposal?.needs.map(({ signed }) => signed.length)).toEqual([1, 0]);
  await answer(1, 'sign', '--key', 'alice.pem');
  expect(await answer(0, 'sign', '--key', 'bob.pem')).toMatchObject({ root: { version: 4 } });

  const rotation = await answer(1, 'rotate');
  expect(rotation.proposal?.needs.map(({ signed }) => signed)).toEqual([[], []]);
  expect(rotation.proposal?.director.key_id).not.toBe(first.root.director.key_id);
  expect(await trust(['withdraw'])).toMatchObject({
    code: 0,
    stdout: 'withdrew the proposed root\n',
  });
  await answer(1, 'rotate');
  await answer(1, 'sign', '--key', 'bob.pem');

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
}, 120_000);

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

  await answer(1, 'rotate');
  await trust(['make-key', 'mallory.pem']);
  expect((await trust(['sign', '--key', 'mallory.pem'])).stderr).toContain(
    '(root_signature_invalid)',
  );
  expect((await trust(['rotate'])).stderr).toContain('(root_proposal_open)');
}, 60_000);
