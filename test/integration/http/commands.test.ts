import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { offSchedule } from '../../support/flow.ts';
import { type Ended, runGantry } from '../../support/gantry.ts';
import { invitationTo } from '../../support/mailbox.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
let world: World;
let home: string;

beforeAll(async () => {
  world = await World.create('registry.example');
  home = await mkdtemp(join(tmpdir(), 'gantry-home-'));
});
afterAll(async () => {
  await world.close();
  await rm(home, { recursive: true, force: true });
});

/** Runs the real program as somebody who logged in. */
function gantry(line: string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return runGantry(line, { input, env: { XDG_CONFIG_HOME: home, ...env } });
}

/** Runs a command that is to succeed; answers its JSON. */
async function json(...line: string[]) {
  const { code, stdout, stderr } = await gantry([...line, '--json']);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

it('asks to log in first', async () => {
  const { code, stderr } = await gantry(['module', 'list']);
  expect(code).toBe(2);
  expect(stderr).toContain('gantry login');
});

it('logs in with a token from standard input, kept for its owner only', async () => {
  const bad = await gantry(
    ['login', '--url', publicUrl, '--token', '-'],
    `gantry_${'x'.repeat(43)}\n`,
  );
  expect(bad.code).toBe(2);
  expect(bad.stderr).toContain('unauthenticated');

  const good = await gantry(['login', '--url', publicUrl, '--token', '-'], `${world.token}\n`);
  expect([good.code, good.stderr]).toEqual([0, '']);
  expect(good.stdout).toContain(world.account);
  expect(good.stdout).not.toContain(world.token);

  const file = join(home, 'gantry', 'config.json');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
    current: 'default',
    contexts: [{ name: 'default', url: publicUrl, account: world.account, token: world.token }],
  });
});

it('never sends the kept token to another URL', async () => {
  const { code, stderr } = await gantry(['account', 'show'], '', {
    GANTRY_URL: 'http://127.0.0.1:9',
  });
  expect(code).toBe(2);
  expect(stderr).toContain('a token for http://127.0.0.1:9');
});

it('says who calls, completes names and forgets a login', async () => {
  const { caller } = await json('whoami');
  expect(caller).toMatchObject({
    account: { slug: world.account },
    member: null,
    roles: ['admin'],
  });
  expect((await gantry(['whoami'])).stdout).toContain(`token      ${caller.token.name}`);

  const offered = await gantry(['complete', '--', 'module', 'register', 'x', '--category', 'u']);
  expect(offered.stdout.split('\n')).toContain('userland\t');

  const second = ['login', '--name', 'second', '--url', publicUrl, '--token', '-'];
  await gantry(second, `${world.token}\n`);
  expect((await json('context', 'list')).contexts).toMatchObject([
    { name: 'default', current: false },
    { name: 'second', current: true },
  ]);

  // The token is a service token, which only an admin revokes.
  expect(await json('logout')).toEqual({ deleted: 'second', revoked: null });
  expect((await gantry(['account', 'show'])).stderr).toContain('gantry context use');
  expect((await json('account', 'show', '--context', 'default')).account.slug).toBe(world.account);
  expect(await json('context', 'use', 'default')).toMatchObject({ current: 'default' });
});

it('makes and shows members, tokens, registries, hooks and categories', async () => {
  expect((await json('account', 'show')).account.slug).toBe(world.account);
  const member = await json(
    'member',
    'add',
    'rita@example.com',
    '--name',
    'Rita',
    '--role',
    'operator',
  );

  expect((await json('member', 'list')).members).toContainEqual(member.member);
  const token = await json('token', 'create', 'ci', '--role', 'author', '--role', 'viewer');

  expect(token.token.roles).toEqual(['author', 'viewer']);
  const unasked = await gantry(['token', 'revoke', token.token.id]);
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('expected --yes')]);
  expect(await json('token', 'revoke', token.token.id, '--yes')).toEqual({
    revoked: token.token.id,
  });

  const login = ['registry', 'login', 'ghcr.io', '--username', 'acme', '--password-stdin'];
  expect(await gantry(login, 'hunter2\n')).toMatchObject({ code: 0, stderr: '' });
  expect((await json('registry', 'list')).registries).toMatchObject([
    { host: 'ghcr.io', username: 'acme' },
  ]);
  expect((await gantry(['registry', 'list'])).stdout).not.toContain('hunter2');
  expect(await json('registry', 'logout', 'ghcr.io')).toEqual({ removed: 'ghcr.io' });

  const { hook, secret: hookSecret } = await json(
    'hook',
    'create',
    '--kind',
    'github',
    '--host',
    'ghcr.io',
  );

  expect([hook.url, hookSecret]).toEqual([
    `${publicUrl}/hooks/registry/${hook.id}`,
    expect.stringMatching(/^gantry_/),
  ]);
  expect((await gantry(['hook', 'list'])).stdout).toMatch(/github +ghcr\.io/);
  expect(await json('hook', 'remove', hook.id)).toEqual({ removed: hook.id });
  expect(
    (await json('category', 'create', 'databases', '--position', '80')).category.position,
  ).toBe(80);
  expect((await gantry(['category', 'list'])).stdout).toMatch(/userland +90/);
  await json('member', 'remove', member.member.id, '--yes');
});

it('registers a module and says why a tag of it is no version', async () => {
  const key = join(home, 'cosign.pub');
  await writeFile(key, authorKey().publicPem);

  const where = ['--repository', 'registry.example/acme/my-redis', '--category', 'databases'];
  const module = await json(
    'module',
    'register',
    'my-redis',
    ...where,
    '--key',
    key,
    '--no-require-tlog',
  );

  await offSchedule(world.services, world.account, 'my-redis');
  expect(module.module).toMatchObject({ category: 'databases', require_tlog: false });
  expect((await gantry(['module', 'list'])).stdout).toMatch(
    /registry\.example\/acme\/my-redis +(not polled yet|failed)/,
  );
  expect((await gantry(['module', 'show', 'my-redis'])).stdout).toMatch(/trusted key +[\w+/]{43}=/);
  expect((await gantry(['module', 'versions', 'my-redis'])).stdout).toContain(
    'The module has no versions yet',
  );

  const why = await gantry(['module', 'why', 'my-redis:latest']);
  expect([why.code, why.stderr]).toEqual([1, '']);
  expect(why.stdout).toContain('such tags are ignored\n  to fix: Tag the artifact with a version');

  const none = await gantry(['module', 'promote', 'my-redis@1.0.0', '--to', 'staging', '--json']);
  expect([none.code, JSON.parse(none.stderr).error.code]).toEqual([2, 'not_found']);
});

it('makes a template with a module, and a machine of it', async () => {
  await json('template', 'create', 'web', '--platform', 'ubuntu-24.04-amd64');
  expect((await gantry(['template', 'show', 'web'])).stdout).toContain(
    'The template has no modules.',
  );
  await json('assignment', 'add', 'web', 'my-redis', '--constraint', '^1.0', '--priority', '95');

  await json(
    'assignment',
    'update',
    'web',
    'my-redis',
    '--no-constraint',
    '--no-priority',
    '--set',
    'a=1',
  );

  expect((await json('template', 'show', 'web')).assignments).toMatchObject([
    { constraint: null, effective_priority: null, metadata: { a: 1 } },
  ]);
  expect((await gantry(['composition', 'show', 'web'])).stdout).toContain(
    'The composition has no modules.',
  );
  await json('assignment', 'remove', 'web', `${world.account}/my-redis`);

  const gone = await gantry(['assignment', 'remove', 'web', 'my-redis']);
  expect([gone.code, gone.stderr]).toEqual([
    2,
    expect.stringContaining('assigned to web, found "my-redis"; it has none'),
  ]);

  const made = await json(
    'instance',
    'create',
    'web-1',
    '--template',
    'web',
    '--set',
    'hostname=web-1',
    '--set',
    'n=3',
  );

  expect(made.instance.metadata).toEqual({ hostname: 'web-1', n: 3 });
  expect((await json('instance', 'join-token', 'web-1')).join_token).not.toBe(made.join_token);
  const shown = (await gantry(['instance', 'show', 'web-1'])).stdout;
  expect(shown).toMatch(/template +web\n/);
  expect(shown).toMatch(/state +awaiting_enrolment/);
  const listed = (await gantry(['instance', 'list', '--template', 'web'])).stdout;
  expect(listed).toMatch(/web-1 +web +live +- +awaiting_enrolment/);

  const drift = await gantry(['drift', 'web-1']);
  const words = expect.stringMatching(/^web-1 (has no desired state yet|never reported)\n/);

  expect([drift.code, drift.stdout]).toEqual([0, words]);
});

it('waits for changes by default, and reports their outcome', async () => {
  const added = await json('member', 'add', 'reviewer@example.com', '--role', 'reviewer');
  expect(added).toMatchObject({ mailed: true, link: null });

  const rita = await mkdtemp(join(home, 'rita-'));
  const link = await invitationTo('reviewer@example.com');
  const as = { XDG_CONFIG_HOME: rita };
  const joined = await gantry(['login', '--invitation', link], '', as);
  expect([joined.code, joined.stderr]).toEqual([0, '']);
  expect((await gantry(['token', 'list', '--mine'], '', as)).stdout).toMatch(
    /invitation of .+valid/,
  );
  expect((await gantry(['login', '--invitation', link], '', as)).stderr).toContain(
    'invitation_invalid',
  );

  const changed = await gantry(['policy', 'set', 'module_retire', '--decision', 'deny']);
  expect([changed.code, changed.stdout.trim()]).toEqual([
    0,
    'done: policy of module_retire: decision allow → deny',
  ]);
  expect((await gantry(['policy', 'list'])).stdout).toMatch(/module_retire +deny/);

  const asks = await gantry(['policy', 'set', 'policy_change', '--decision', 'require_approval']);
  expect(asks.code).toBe(0);

  const allow = ['policy', 'set', 'module_retire', '--decision', 'allow', '--json'];
  const waiting = await gantry(allow);
  const { id, approval_id, state } = JSON.parse(waiting.stdout).operation;
  expect([waiting.code, state]).toEqual([3, 'awaiting_approval']);

  const impatient = await gantry(['operation', 'wait', id, '--timeout', '1']);
  expect([impatient.code, impatient.stdout]).toEqual([3, expect.stringMatching(/^awaiting/)]);
  expect((await gantry(['approval', 'list'])).stdout).toContain(approval_id);

  const own = await gantry(['approvals', 'approve', approval_id]);
  expect([own.code, own.stderr]).toEqual([
    2,
    expect.stringContaining('expected the role reviewer'),
  ]);

  const line = ['approval', 'reject', approval_id, '--comment', 'no'];
  const rejected = await gantry(line, '', as);

  expect([rejected.code, rejected.stdout]).toEqual([0, expect.stringContaining('rejected')]);
  const ended = await gantry(['operation', 'wait', id]);

  expect([ended.code, ended.stdout]).toEqual([1, expect.stringMatching(/^rejected: /)]);
  const shown = (await gantry(['operation', 'show', id])).stdout;
  expect(shown).toMatch(/requested by +the token "/);
  expect(shown).toMatch(/change +policy_change, policy=/);
  expect(shown).toMatch(
    /decision +rejected by reviewer@example.com at \S+ \(by API, signed in by invitation\): no/,
  );

  const weekend = 'fri 17:00 to mon 08:00 Europe/Zurich';
  const asked: string[] = [];
  for (const action of ['module_yank', 'module_quarantine']) {
    const set = await gantry(['policy', 'set', action, '--freeze', weekend, '--json']);
    asked.push(JSON.parse(set.stdout).operation.approval_id);
  }
  expect((await gantry(['approval', 'list'])).stdout).toMatch(
    /freeze none → fri 17:00.+1 more: reviewer@example.com/,
  );

  const unknown = approval_id.replace(/.{4}$/, '0000');
  const both = await gantry(['approval', 'approve', ...asked, unknown], '', as);
  expect(both.code).toBe(1);
  expect(both.stdout.trim().split('\n')).toEqual([
    expect.stringMatching(/^policy of module_yank: .+: approved \(1 of 1 approval\)$/),
    expect.stringMatching(/^policy of module_quarantine: .+: approved \(1 of 1 approval\)$/),
    expect.stringMatching(/^apr_\w+0000: .+ \(not_found\)$/),
  ]);

  await eventually('the policy with its window', async () => {
    const { stdout } = await gantry(['policy', 'show', 'module_yank']);
    return stdout.includes(weekend) ? stdout : null;
  });
});
