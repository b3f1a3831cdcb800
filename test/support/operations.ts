import type { Services } from '../../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { decideApproval, promoteVersion } from '../../shared/actions/operations/index.ts';
import {
  type Caller,
  type Member,
  personOf,
  type Role,
} from '../../shared/domain/accounts/index.ts';
import type { PromotionState, Version } from '../../shared/domain/modules/index.ts';
import {
  type Action,
  defaultPolicy,
  type InterventionPolicy,
  type Operation,
} from '../../shared/domain/operations/index.ts';
import { getVersion } from '../../shared/store/modules/index.ts';
import { getPolicy, putPolicy } from '../../shared/store/operations/index.ts';
import { transact } from '../../shared/store/table/index.ts';
import type { World } from './world.ts';

/** A member as a caller, with a token that has the member's own roles. */
export function as(member: Member, roles: readonly Role[] = member.roles): Caller {
  return {
    account: member.account,
    actor: `member:${member.id}`,
    roles,
    member_id: member.id,
    person: personOf(member),
    signed_in_by: 'invitation',
    platform: false,
  };
}

/** Sets a policy in a world as if it had always been so. */
export async function policy(
  world: World,
  action: Action,
  set: Partial<InterventionPolicy>,
): Promise<void> {
  const { services, account } = world;
  const was = await getPolicy(services.db, account, action);
  await transact(services.db, [putPolicy(account, { ...defaultPolicy(action), ...set }, was)]);
}

export function requirePending(operation: Operation): string {
  if (operation.approval_id === null)
    throw new Error(`expected ${operation.id} to ask for approval`);
  return operation.approval_id;
}

/**
 * Asks for a promotion and, where it waits for approval, approves as the reviewer. Returns the
 * ended operation.
 */
export async function promote(
  world: World,
  version: Version,
  to: PromotionState,
  reviewer?: Member,
): Promise<Operation> {
  const { id } = await promoteVersion(world.services, world.caller, { id: version.id, to });
  if (reviewer === undefined) return world.operation(id);

  const waiting = await world.operation(id, 'awaiting_approval', 'refused', 'failed');
  if (waiting.state === 'awaiting_approval') {
    const input = { id: requirePending(waiting), decision: 'approve', comment: null } as const;
    await decideApproval(world.services, as(reviewer), input);
  }

  return world.operation(id);
}

/** Promotes a built version up to a state, step by step. */
export async function raise(
  world: World,
  version: Version,
  to: PromotionState,
  reviewer?: Member,
): Promise<void> {
  for (const step of ['staging', 'blessed', 'live'] as const) {
    const { state, message } = await promote(
      world,
      version,
      step,
      step === 'live' ? reviewer : undefined,
    );

    if (state !== 'succeeded')
      throw new Error(`expected a promotion to ${step}, found ${state}: ${message}`);
    if (step === to) return;
  }
}

/** Promotes a built version to live in an account where nobody has to approve that. */
export async function raiseUnasked(world: World, version: Version): Promise<void> {
  await policy(world, 'module_promote_to_live', { decision: 'allow' });
  await raise(world, version, 'live');
}

export async function stateOf(world: World, version: Version): Promise<Version['promotion_state']> {
  return (await versionNow(world, version)).promotion_state;
}

export async function versionNow(world: World, version: Version): Promise<Version> {
  const now = await getVersion(world.services.db, version.account, version.id);
  if (now === null) throw new Error(`expected version ${version.id}`);
  return now;
}

export interface Held {
  services: Services;
  /** Until the work has come to that point. */
  reached: Promise<void>;
  release: () => void;
}

/**
 * Services of their own whose writes to S3 wait until they are let go: a worker that is slow at
 * just that point.
 */
export function holdPuts(): Held {
  return hold(servicesFromEnvironment(), 'PutObjectCommand');
}

/**
 * Has commands of a kind wait for S3 until they are let go. The services must be the test's own.
 */
export function hold(services: Services, command: string): Held {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();

  services.objects.s3.middlewareStack.add(
    (next, context) => async (args) => {
      if (context.commandName === command) {
        reached.resolve();
        await released.promise;
      }
      return next(args);
    },
    { step: 'initialize' },
  );

  return { services, reached: reached.promise, release: () => released.resolve() };
}

/** What the page of an approval link says to type; empty where the link does not open. */
export async function confirmationOf(link: string): Promise<string> {
  const html = await (await fetch(link, { headers: { accept: 'text/html' } })).text();
  return /<code id="expected">([^<]+)</.exec(html)?.[1] ?? '';
}
