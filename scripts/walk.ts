import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr';
import { z } from 'zod';
import { GantryError } from '../shared/base/error.ts';
import { projectRoot } from './local-cloud.ts';
import type { LocalStack } from './local-stack.ts';

/** What the walk gets: a deployed Gantry, an admin token of the account `demo`, and the terminal. */
export interface WalkContext {
  stack: LocalStack;
  account: string;
  token: string;
  directory: string;
  say: (line: string) => void;
}

const moduleName = 'my-redis';
const templateName = 'cache';
const instanceName = 'cache-1';
const reviewerEmail = 'rita@gantry.example';

/** Runs `gantry …` as a user would and answers what it prints. */
type Gantry = (...args: string[]) => Promise<{ code: number; answer: Record<string, unknown> }>;

interface Walk {
  context: WalkContext;
  gantry: Gantry;
  /** A step's headline, then what was seen. */
  step: (title: string) => void;
  saw: (line: string) => void;
  /** `<registry>/<account>/my-redis` */
  repository: string;
  directory: string;
}

/**
 * The my-redis of the walkthrough, from a repository on disk to a machine: every step is a command of the CLI or a mail
 * really sent, and throws when it did not happen. Each walk publishes the next version, so it can be walked again.
 */
export async function walk(context: WalkContext): Promise<void> {
  const walk = await prepare(context);
  await publishAndIngest(walk);
  await promote(walk);
  await composeAndReconcile(walk);
  await refuse(walk);
  walk.context.say('');
}

async function prepare(context: WalkContext): Promise<Walk> {
  const directory = join(context.directory, 'walk');
  mkdirSync(directory, { recursive: true });
  const registry = context.stack.endpoint.replace('http://', '');
  const repository = `${registry}/${context.account}/${moduleName}`;
  const gantry: Gantry = (...args) => runGantry(context, args);
  const { say } = context;
  const walk: Walk = {
    context,
    gantry,
    directory,
    repository,
    step: (title) => say(`\n── ${title}`),
    saw: (line) => say(`   ${line}`),
  };
  await createRepository(context.stack.endpoint, `${context.account}/${moduleName}`);
  for (const name of ['author', 'stranger']) makeKey(directory, name);
  return walk;
}

function runGantry(context: WalkContext, args: string[]): ReturnType<Gantry> {
  const shown = args.map((word) => (word.length > 60 ? `${word.slice(0, 24)}…` : word)).join(' ');
  context.say(`   $ gantry ${shown}`);
  const env = { ...process.env, GANTRY_URL: context.stack.publicUrl, GANTRY_TOKEN: context.token };
  return new Promise((resolve, reject) => {
    execFile(
      join(projectRoot, 'bin', 'gantry'),
      [...args, '--json'],
      { env },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : Number(error.code);
        if (code === 0 || code === 1)
          resolve({ code, answer: stdout === '' ? {} : JSON.parse(stdout) });
        else
          reject(
            new GantryError('io_error', `gantry ${shown} ended with ${code}: ${stderr.trim()}`),
          );
      },
    );
  });
}

async function createRepository(endpoint: string, repositoryName: string): Promise<void> {
  try {
    await new ECRClient({ endpoint }).send(new CreateRepositoryCommand({ repositoryName }));
  } catch (error) {
    if ((error as { name?: string }).name !== 'RepositoryAlreadyExistsException') throw error;
  }
}

function makeKey(directory: string, name: string): void {
  if (existsSync(join(directory, `${name}.pub`))) return;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(
    join(directory, `${name}.key`),
    privateKey.export({ type: 'pkcs8', format: 'pem' }),
    { mode: 0o600 },
  );
  writeFileSync(join(directory, `${name}.pub`), publicKey.export({ type: 'spki', format: 'pem' }));
}

/** The version that this walk publishes: one after the highest that is there. */
function nextTag(versions: { version_string: string }[]): string {
  const highest = versions
    .map(({ version_string }) => Number(version_string.split('.')[2]))
    .sort((a, b) => b - a)[0];
  return `v0.1.${highest === undefined ? 0 : highest + 1}`;
}

const versionsAnswer = z.object({
  versions: z.array(
    z
      .object({
        id: z.string(),
        version_string: z.string(),
        promotion_state: z.string(),
        digest: z.string(),
        composefs_digest: z.string(),
      })
      .loose(),
  ),
  candidates: z.array(
    z
      .object({
        digest: z.string(),
        state: z.string(),
        code: z.string().nullable(),
        message: z.string().nullable(),
      })
      .loose(),
  ),
});
type Versions = z.infer<typeof versionsAnswer>;

async function versionsOf(walk: Walk): Promise<Versions> {
  return versionsAnswer.parse((await walk.gantry('module', 'versions', moduleName)).answer);
}

/** A copy of the example whose content differs from walk to walk, and which needs no modules that the walk does not have. */
function moduleRepository(walk: Walk, tag: string): string {
  const directory = join(walk.directory, 'my-redis');
  rmSync(directory, { recursive: true, force: true });
  cpSync(join(projectRoot, 'examples', 'modules', moduleName), directory, {
    recursive: true,
    verbatimSymlinks: true,
  });
  const manifest = join(directory, 'manifest.yaml');
  writeFileSync(
    manifest,
    readFileSync(manifest, 'utf8').replace(/^dependencies:\n(?: .*\n)+/m, ''),
  );
  const conf = join(directory, 'rootfs', 'etc', 'redis', 'redis.conf');
  writeFileSync(conf, `${readFileSync(conf, 'utf8')}# ${tag}\n`);
  return directory;
}

async function buildAndPush(walk: Walk, tag: string): Promise<string> {
  const directory = moduleRepository(walk, tag);
  const dist = join(directory, 'dist');
  const built = await walk.gantry('module', 'build', directory, '--rootfs-only', '--out', dist);
  walk.saw(
    `module.tar with composefs digest ${String(built.answer.composefs_digest).slice(0, 16)}…`,
  );
  const pushed = await walk.gantry('module', 'push', dist, `${walk.repository}:${tag}`);
  walk.saw(`pushed ${pushed.answer.digest}`);
  return z.string().parse(pushed.answer.digest);
}

let published: { id: string; tag: string; composefs: string } | undefined;

async function publishAndIngest(walk: Walk): Promise<void> {
  walk.step('An author registers, builds, pushes and signs my-redis');
  const modules = z
    .object({ modules: z.array(z.object({ name: z.string() }).loose()) })
    .parse((await walk.gantry('module', 'list')).answer);
  if (!modules.modules.some(({ name }) => name === moduleName)) {
    await walk.gantry(
      'module',
      'register',
      moduleName,
      '--category',
      'userland',
      '--repository',
      walk.repository,
      '--key',
      join(walk.directory, 'author.pub'),
      '--no-require-tlog',
    );
    walk.saw('signatures count when they are by author.pub; there is no transparency log here');
  }
  const tag = nextTag((await versionsOf(walk)).versions);
  const digest = await buildAndPush(walk, tag);
  await walk.gantry(
    'module',
    'sign',
    `${walk.repository}:${tag}`,
    '--key',
    join(walk.directory, 'author.key'),
  );

  walk.step('Gantry polls, verifies and ingests it');
  const pushedAt = performance.now();
  await walk.gantry('module', 'poll', moduleName);
  const version = await eventually(`${tag} to be built`, async () => {
    const { versions } = await versionsOf(walk);
    return versions.find((one) => one.digest === digest);
  });
  walk.saw(
    `${moduleName} ${version.version_string} is ${version.promotion_state} after ${seconds(pushedAt)}`,
  );
  expect(version.promotion_state === 'built', `a built version, found ${version.promotion_state}`);
  published = { id: version.id, tag, composefs: version.composefs_digest };
}

async function promote(walk: Walk): Promise<void> {
  walk.step('An operator promotes it; going live asks a reviewer by mail');
  const { id } = required(published);
  const members = z
    .object({ members: z.array(z.object({ email: z.string() }).loose()) })
    .parse((await walk.gantry('member', 'list')).answer);
  if (!members.members.some(({ email }) => email === reviewerEmail)) {
    await walk.gantry('member', 'add', reviewerEmail, '--name', 'Rita', '--role', 'reviewer');
  }
  for (const to of ['staging', 'blessed']) {
    const { code, answer } = await walk.gantry('module', 'promote', id, '--to', to);
    expect(code === 0, `a promotion to ${to}, found ${JSON.stringify(answer)}`);
  }
  await walk.gantry('module', 'promote', id, '--to', 'live');
  const link = await eventually('the approval mail', () => newestLink(walk));
  walk.saw(`mail to ${reviewerEmail}: ${link.slice(0, 70)}…`);
  const page = await fetch(link);
  const text = await page.text();
  expect(
    page.ok && text.includes(moduleName),
    `a page that shows the request, found status ${page.status}`,
  );
  const body = new URLSearchParams({ decision: 'approve' });
  const origin = new URL(link).origin;
  const decided = await fetch(link, {
    method: 'POST',
    body,
    headers: { origin },
    redirect: 'manual',
  });
  expect(decided.status < 400, `the button on the page to decide, found status ${decided.status}`);
  walk.saw('Rita opened the page and pressed "Approve"');
  await eventually('the version to be live', async () => {
    const { versions } = await versionsOf(walk);
    return versions.find((one) => one.id === id && one.promotion_state === 'live');
  });
  walk.saw('it is live');
}

const mailbox = z.object({
  messages: z.record(
    z.string(),
    z.array(z.object({ To: z.array(z.string()), BodyText: z.string() }).loose()),
  ),
});
const usedLinks = new Set<string>();

/** The newest link that was mailed and not used yet, from the mailbox of the local cloud. */
async function newestLink(walk: Walk): Promise<string | undefined> {
  const answer = await fetch(`${walk.context.stack.endpoint}/_ministack/ses/messages`);
  const { messages } = mailbox.parse(await answer.json());
  const links = Object.values(messages)
    .flat()
    .filter(({ To }) => To.includes(reviewerEmail))
    .flatMap(({ BodyText }) => BodyText.match(/https?:\/\/\S+\/approve\/\S+/) ?? []);
  for (const link of links.reverse()) {
    if (usedLinks.has(link)) continue;
    if ((await fetch(link)).ok) return link;
    usedLinks.add(link);
  }
  return undefined;
}

async function composeAndReconcile(walk: Walk): Promise<void> {
  walk.step('It is composed into a template, and a machine reconciles to it');
  const templates = z
    .object({ templates: z.array(z.object({ name: z.string() }).loose()) })
    .parse((await walk.gantry('template', 'list')).answer);
  if (!templates.templates.some(({ name }) => name === templateName)) {
    await walk.gantry('template', 'create', templateName, '--platform', 'ubuntu-24.04-amd64');
    const { code, answer } = await walk.gantry('assignment', 'add', templateName, moduleName);
    expect(code === 0, `an assignment, found ${JSON.stringify(answer)}`);
  }
  const machine = join(walk.directory, 'machine');
  const instances = z
    .object({ instances: z.array(z.object({ name: z.string() }).loose()) })
    .parse((await walk.gantry('instance', 'list')).answer);
  const known = instances.instances.some(({ name }) => name === instanceName);
  if (!known || enrolledAt(machine) !== walk.context.stack.publicUrl) {
    rmSync(machine, { recursive: true, force: true });
    const made = known
      ? await walk.gantry('instance', 'join-token', instanceName)
      : await walk.gantry('instance', 'create', instanceName, '--template', templateName);
    await walk.gantry(
      'agent',
      'enroll',
      '--token',
      z.string().parse(made.answer.join_token),
      '--root',
      machine,
    );
  }
  const { tag, composefs } = required(published);
  await eventually('the agent to run the new version', async () => {
    const ran = await walk.gantry('agent', 'run', '--once', '--root', machine);
    const conf = join(machine, 'current', 'etc', 'redis', 'redis.conf');
    return ran.code === 0 && existsSync(conf) && readFileSync(conf, 'utf8').includes(`# ${tag}\n`)
      ? true
      : undefined;
  });
  walk.saw(`${join(machine, 'current')} holds ${readdirSync(join(machine, 'current')).join(', ')}`);
  const drift = await walk.gantry('drift', instanceName);
  expect(
    drift.code === 0 && drift.answer.drift === false,
    `no drift, found ${JSON.stringify(drift.answer)}`,
  );
  const shown = JSON.stringify((await walk.gantry('instance', 'show', instanceName)).answer);
  expect(shown.includes(composefs), `the machine to report ${composefs}, found ${shown}`);
  walk.saw('drift: false');
}

/** Where the machine of an earlier walk was enrolled: another port makes it another control plane. */
function enrolledAt(machine: string): string | undefined {
  const file = join(machine, 'agent', 'config.json');
  return existsSync(file)
    ? z.object({ url: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8'))).url
    : undefined;
}

async function refuse(walk: Walk): Promise<void> {
  walk.step('What is unsigned, or signed by somebody else, does not get through');
  const unsigned = await buildAndPush(walk, nextUnusedTag('unsigned'));
  const wrong = await buildAndPush(walk, nextUnusedTag('stranger'));
  await walk.gantry(
    'module',
    'sign',
    `${walk.repository}@${wrong}`,
    '--key',
    join(walk.directory, 'stranger.key'),
  );
  await walk.gantry('module', 'poll', moduleName);
  const seen = await eventually('both to be judged', async () => {
    const { candidates } = await versionsOf(walk);
    const of = (digest: string, state: string) =>
      candidates.find((one) => one.digest === digest && one.state === state);
    const waiting = of(unsigned, 'awaiting_signature');
    const rejected = of(wrong, 'rejected');
    return waiting !== undefined && rejected !== undefined ? { waiting, rejected } : undefined;
  });
  walk.saw(`unsigned: ${seen.waiting.state}: ${seen.waiting.message}`);
  walk.saw(`stranger: ${seen.rejected.state}: ${seen.rejected.code}: ${seen.rejected.message}`);
}

/** A pre-release whose name no walk before had. */
function nextUnusedTag(what: string): string {
  return `v0.2.0-${what}.${Date.now().toString(36)}`;
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a step of the walk was left out');
  return value;
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new GantryError('conflict', `the walk expected ${what}`);
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const until = performance.now() + 60_000;
  while (performance.now() < until) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(700);
  }
  throw new GantryError('unavailable', `the walk waited a minute for ${what}`);
}
