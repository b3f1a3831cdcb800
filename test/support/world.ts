import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildModule } from '../../cli/build/build-module.ts';
import { openTarget } from '../../cli/input/registry-target.ts';
import { pushModule } from '../../cli/push/push-module.ts';
import { createAccount } from '../../shared/actions/accounts/index.ts';
import type { Services } from '../../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { registerModule, requestPoll } from '../../shared/actions/modules/index.ts';
import { roleWrites } from '../../shared/actions/operations/index.ts';
import { versionId } from '../../shared/base/ids.ts';
import type { RegisterModuleBody } from '../../shared/contract/modules/index.ts';
import {
  type Caller,
  deploymentPerson,
  type Member,
  type Role,
} from '../../shared/domain/accounts/index.ts';
import type { Candidate } from '../../shared/domain/candidates/index.ts';
import type { Version } from '../../shared/domain/modules/index.ts';
import { finalOperationStates, type Operation } from '../../shared/domain/operations/index.ts';
import { attachBundle } from '../../shared/registry/index.ts';
import { readCosignKey, signArtifact } from '../../shared/signature/index.ts';
import { getMember, getRoster } from '../../shared/store/accounts/index.ts';
import { getCandidate } from '../../shared/store/candidates/index.ts';
import { getVersion } from '../../shared/store/modules/index.ts';
import { getOperation } from '../../shared/store/operations/index.ts';
import { transact } from '../../shared/store/table/index.ts';
import { apiAs } from './api.ts';
import { invitationTo, readInvitation } from './mailbox.ts';

/** A key pair as an author has one. */
export interface AuthorKey {
  publicPem: string;
  private: ReturnType<typeof readCosignKey>;
}

export function authorKey(): AuthorKey {
  const pair: { publicKey: KeyObject; privateKey: KeyObject } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
  });
  return {
    publicPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    private: readCosignKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), ''),
  };
}

/** What a module of a test ships. */
export interface ModuleSource {
  name: string;
  /** Path below `rootfs/` → content. */
  files: Record<string, string>;
  /** Further keys of manifest.yaml, as YAML lines. */
  manifest?: string;
}

/** A member who joined, and the token that only they have. */
export type Person = Member & { token: string };

/** One account of its own on the shared stack, with a registry to push to: what a test acts in. */
export class World {
  readonly services: Services;
  readonly account: string;
  readonly token: string;
  readonly registry: string;
  readonly caller: Caller;
  readonly directory: string;

  private constructor(
    services: Services,
    account: string,
    token: string,
    registry: string,
    directory: string,
  ) {
    this.services = services;
    this.account = account;
    this.token = token;
    this.registry = registry;
    this.directory = directory;

    this.caller = {
      account,
      actor: 'token:tests',
      roles: ['admin'],
      member_id: null,
      person: deploymentPerson,
      signed_in_by: null,
      platform: false,
    };
  }

  static async create(registry: string, services = servicesFromEnvironment()): Promise<World> {
    const account = `t${randomBytes(5).toString('hex')}`;
    const { token } = await createAccount(services, { slug: account, name: account });

    return new World(
      services,
      account,
      token,
      registry,
      await mkdtemp(join(tmpdir(), 'gantry-world-')),
    );
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  /** `<registry>/<account>/<name>` */
  repository(name: string): string {
    return `${this.registry}/${this.account}/${name}`;
  }

  /** Invites a person, who follows the link of the mail; answers them with their own token. */
  async member(...roles: Role[]): Promise<Person> {
    const { call } = apiAs(this.token);
    const email = `rita-${randomBytes(6).toString('hex')}@example.com`;
    const added = await call('POST', '/members', { email, name: 'Rita Reviewer', roles });
    return this.join(added.body.member.id, email);
  }

  /** A reviewer as if the account had always had them: no other reviewer is asked. */
  async reviewer(groups: string[] = []): Promise<Person> {
    const { call } = apiAs(this.token);
    const email = `rita-${randomBytes(6).toString('hex')}@example.com`;
    const body = { email, name: 'Rita Reviewer', roles: ['viewer'] };
    const { id } = (await call('POST', '/members', body)).body.member;

    const { db } = this.services;
    const roster = await getRoster(db, this.account);
    const member = await this.memberNow(id);
    const at = new Date().toISOString();
    await transact(db, roleWrites(member, roster, { roles: ['reviewer'], groups }, at));

    return this.join(id, email);
  }

  /** Follows the invitation that was mailed to a member. */
  async join(id: string, email: string): Promise<Person> {
    const body = readInvitation(await invitationTo(email));
    const joined = await apiAs('').call('POST', '/invitations/accept', body);
    if (joined.status !== 201) throw new Error(`expected ${email} to join: ${joined.body.detail}`);
    return { ...(await this.memberNow(id)), token: joined.body.secret };
  }

  async memberNow(id: string): Promise<Member> {
    const member = await getMember(this.services.db, this.account, id);
    if (member === null) throw new Error(`expected member ${id}`);
    return member;
  }

  async register(
    name: string,
    key: AuthorKey,
    more: Partial<RegisterModuleBody> = {},
  ): Promise<void> {
    await registerModule(this.services, this.caller, {
      name,
      category: 'userland',
      repository: this.repository(name),
      trusted_keys: [key.publicPem],
      require_tlog: false,
      ...more,
    });
  }

  /** Builds a module from files; answers the path of its module.tar. */
  async build(source: ModuleSource): Promise<string> {
    const directory = join(this.directory, `${source.name}-${randomBytes(4).toString('hex')}`);
    const manifest = [
      'schema_version: 1',
      `name: ${source.name}`,
      'file_spec: ["/**"]',
      source.manifest ?? '',
    ];

    await mkdir(join(directory, 'rootfs'), { recursive: true });
    await writeFile(join(directory, 'manifest.yaml'), manifest.join('\n'));

    for (const [path, content] of Object.entries(source.files)) {
      await mkdir(dirname(join(directory, 'rootfs', path)), { recursive: true });
      await writeFile(join(directory, 'rootfs', path), content);
    }

    const out = join(directory, 'dist');
    await buildModule({ directory, out, dryRun: false, sourceDateEpoch: '1700000000' });
    return join(out, 'module.tar');
  }

  /** Pushes a module tar under a tag; answers the manifest's digest. */
  async push(tar: string, name: string, tag: string): Promise<string> {
    const target = await openTarget(`${this.repository(name)}:${tag}`, {});
    return (await pushModule(target, tar, () => undefined)).digest;
  }

  async sign(name: string, reference: string, key: AuthorKey): Promise<void> {
    const separator = reference.startsWith('sha256:') ? '@' : ':';
    const target = await openTarget(`${this.repository(name)}${separator}${reference}`, {});
    const subject = await target.client.getManifest(target.reference.repository, target.name);
    const bundle = signArtifact({ digest: subject.digest, key: key.private, annotations: {} });

    await attachBundle(target.client, {
      repository: target.reference.repository,
      subject,
      bundle,
      createdAt: new Date(),
    });
  }

  /** Builds, pushes and signs; answers the digest. */
  async publish(source: ModuleSource, tag: string, key: AuthorKey): Promise<string> {
    const digest = await this.push(await this.build(source), source.name, tag);
    await this.sign(source.name, digest, key);
    return digest;
  }

  poll(name: string): Promise<void> {
    return requestPoll(this.services, this.caller, name);
  }

  id(name: string, digest: string): string {
    return versionId(this.account, name, digest);
  }

  candidate(name: string, digest: string): Promise<Candidate | null> {
    return getCandidate(this.services.db, this.account, this.id(name, digest));
  }

  version(name: string, digest: string): Promise<Version | null> {
    return getVersion(this.services.db, this.account, this.id(name, digest));
  }

  /** Publishes, polls and waits until the version is there. */
  async ingest(source: ModuleSource, tag: string, key: AuthorKey): Promise<Version> {
    const digest = await this.publish(source, tag, key);
    await this.poll(source.name);
    return eventually(`${source.name} ${tag} to be ingested`, () =>
      this.version(source.name, digest),
    );
  }

  /** Waits until a candidate is in a state. */
  inState(name: string, digest: string, state: Candidate['state']): Promise<Candidate> {
    return eventually(`${name} ${digest.slice(0, 19)} to be ${state}`, async () => {
      const candidate = await this.candidate(name, digest);
      return candidate?.state === state ? candidate : null;
    });
  }

  /** Waits until an operation is in one of the states; without any, until it has ended. */
  operation(id: string, ...states: Operation['state'][]): Promise<Operation> {
    const wanted: readonly string[] = states.length > 0 ? states : finalOperationStates;
    return eventually(`operation ${id} to be ${wanted.join(' or ')}`, async () => {
      const operation = await getOperation(this.services.db, this.account, id);
      return operation !== null && wanted.includes(operation.state) ? operation : null;
    });
  }
}

/**
 * Asks again until there is an answer, at most half of the time; fails with what was waited for.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | null>,
  timeoutMs = 90_000,
): Promise<T> {
  const startedAt = Date.now();
  let last: unknown;
  while (Date.now() - startedAt < timeoutMs) {
    const askedAt = Date.now();
    try {
      const answer = await ask();
      if (answer !== null) return answer;
    } catch (error) {
      last = error;
    }
    await sleep(Math.max(askedAt - startedAt < 3000 ? 50 : 200, Date.now() - askedAt));
  }

  throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause: last });
}
