import { GantryError, isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { makeLogger } from '../../base/log.ts';
import { isSlug } from '../../base/slug.ts';
import { dayMs } from '../../base/time.ts';
import { makeRoot, rootSha256, tufKey } from '../../director/index.ts';
import {
  type Account,
  type AccountCreation,
  type AccountView,
  deploymentPerson,
  failAttempt,
  viewAccount,
  viewCreation,
} from '../../domain/accounts/index.ts';
import { seededCategories } from '../../domain/modules/index.ts';
import * as accounts from '../../store/accounts/index.ts';
import { createEvent } from '../../store/event.ts';
import { objectKeys, putByDigest } from '../../store/objects.ts';
import { transact, transactUnlessRaced } from '../../store/table/index.ts';
import {
  commit,
  enqueue,
  faultOf,
  later,
  nowIso,
  type Services,
  withoutKeep,
} from '../context/index.ts';
import { createDirectorKey, directorPublicKey, signAsDirector } from './director-key.ts';
import { makeToken } from './make-token.ts';

const logger = makeLogger('accounts');

export interface NewAccount {
  slug: string;
  name: string;
  platform?: boolean;
  /** A public offline key, PEM. */
  recovery_key?: string;
}

/**
 * Requests an account and makes the first attempt at it: director key, account root, seeded
 * categories and first admin token, whose secret is returned this once. If the attempt fails, the
 * account stays `creating`, and the sweep has it tried again for a day.
 *
 * @throws GantryError `already_exists` when the slug is taken, `account_creating` when it was
 * requested already
 */
export async function createAccount(
  services: Services,
  input: NewAccount,
): Promise<{ account: AccountView; token: string }> {
  requireValid(input);
  const { slug, name, recovery_key = null } = input;
  const former = await accounts.getAccountCreation(services.db, slug);
  if (former?.state === 'creating') throw creatingError(former);

  const at = nowIso(services);
  const { token, secret } = makeToken({
    account: slug,
    name: 'first admin token',
    roles: ['admin'],
    at,
    created_by_person: deploymentPerson,
    platform: input.platform ?? false,
  });

  const creation: AccountCreation = {
    slug,
    name,
    state: 'creating',
    recovery_key,
    token,
    director_key_id: former?.director_key_id ?? null,
    attempts: 1,
    code: null,
    message: null,
    // This process makes the first attempt.
    retry_at: later(services, limits.accountAttemptSeconds),
    revision: former?.revision ?? 0,
    created_at: at,
  };

  const writes = [accounts.holdNoAccount(slug), accounts.putAccountCreation(creation)];
  const requested = { account: viewCreation(creation), token: secret };
  await commit(services, writes, requested);

  const claimed = { ...creation, revision: creation.revision + 1 };
  return { ...requested, account: await attempt(withoutKeep(services), claimed) };
}

function requireValid({ slug, recovery_key }: NewAccount): void {
  if (!isSlug(slug)) {
    throw new GantryError('invalid_request', `expected a slug such as "acme", found "${slug}"`, {
      field: 'slug',
    });
  }

  if (recovery_key !== undefined) tufKey(recovery_key);
}

function creatingError({ slug, code, message }: AccountCreation): GantryError {
  const why = code === null ? '' : `; the last attempt failed: ${message} (${code})`;
  return new GantryError('account_creating', `account "${slug}" is being created${why}`, {
    field: 'slug',
  });
}

/**
 * An account, made or not.
 *
 * @throws GantryError `not_found`
 */
export async function readAccount(services: Services, slug: string): Promise<AccountView> {
  const creation = await accounts.getAccountCreation(services.db, slug);
  // Read the account after its request: one transaction replaces the request by the account.
  const account = await accounts.getAccount(services.db, slug);
  if (account !== null) return viewAccount(account);
  if (creation !== null) return viewCreation(creation);

  throw new GantryError('not_found', `expected an account "${slug}", found none`, { found: slug });
}

/** Sends accounts whose next attempt is due, or whose last one died, to the queue of create. */
export async function scheduleCreations(services: Services): Promise<number> {
  const due = await accounts.dueAccountCreations(
    services.db,
    nowIso(services),
    limits.creationsPerRun,
  );
  await enqueue(
    services,
    'create',
    due.map(({ slug }) => ({ account: slug })),
  );

  return due.length;
}

/**
 * Makes the next attempt at an account, if it is due. Of two workers, one claims it; the other
 * changes nothing. Returns null if nothing was due.
 */
export async function continueCreation(
  services: Services,
  { account: slug }: { account: string },
): Promise<AccountView | null> {
  const was = await accounts.getAccountCreation(services.db, slug);
  if (was === null || was.state !== 'creating' || was.retry_at > nowIso(services)) return null;

  const claim = {
    attempts: was.attempts + 1,
    retry_at: later(services, limits.accountAttemptSeconds),
  };
  const claimed = await transactUnlessRaced(services.db, [
    accounts.updateAccountCreation(was, claim),
  ]);
  if (!claimed) return null;

  return attempt(services, { ...was, ...claim, revision: was.revision + 1 });
}

/** Makes the account, or notes why it could not be made. */
async function attempt(services: Services, claimed: AccountCreation): Promise<AccountView> {
  let creation = claimed;
  try {
    const keyed = await withDirectorKey(services, claimed);
    creation = keyed;
    return viewAccount(await finish(services, keyed));
  } catch (error) {
    // Another worker is at it, because this one was slow.
    if (isGantryError(error, 'conflict')) return readAccount(services, claimed.slug);

    logger.warn('an account could not be made', {
      account: creation.slug,
      attempts: creation.attempts,
      error: error as Error,
    });
    return noteFailure(services, creation, error);
  }
}

/** Keeps the id of the key before it is used, so that another attempt makes no second key. */
async function withDirectorKey(
  services: Services,
  creation: AccountCreation,
): Promise<AccountCreation & { director_key_id: string }> {
  const { director_key_id } = creation;
  if (director_key_id !== null) return { ...creation, director_key_id };

  const made = await createDirectorKey(services, creation.slug);
  await transact(services.db, [
    accounts.updateAccountCreation(creation, { director_key_id: made }),
  ]);
  return { ...creation, director_key_id: made, revision: creation.revision + 1 };
}

/** Makes the root, then the account with all that belongs to it in one transaction. */
async function finish(
  services: Services,
  creation: AccountCreation & { director_key_id: string },
): Promise<Account> {
  const { slug, name, director_key_id, recovery_key, token } = creation;
  const root = makeRoot({
    publicKeyPem: await directorPublicKey(services, director_key_id),
    recoveryKeyPem: recovery_key,
    version: 1,
    expires: new Date(services.now().getTime() + limits.accountRootDays * dayMs),
  });

  const bytes = await signAsDirector(services, director_key_id, root);
  const root_sha256 = rootSha256(bytes);
  await putByDigest(
    services.objects,
    { key: objectKeys.root(slug, root_sha256), body: bytes, type: 'application/json' },
    services.now(),
  );

  const at = nowIso(services);
  const account: Account = {
    slug,
    name,
    director_key_id,
    root_sha256,
    root_version: 1,
    polled_modules: 0,
    revision: 1,
    created_at: at,
  };

  await transact(services.db, [
    accounts.createAccount(account),
    accounts.createToken(token),
    ...seededCategories.map((category) =>
      accounts.createCategory({
        account: slug,
        module_added_at: null,
        created_at: at,
        ...category,
      }),
    ),
    accounts.removeAccountCreation(creation),
    createEvent({
      type: 'gantry.account.created',
      account: slug,
      subject: `account/${slug}`,
      actor: `token:${token.id}`,
      at,
      data: { root_sha256 },
    }),
  ]);

  return account;
}

async function noteFailure(
  services: Services,
  creation: AccountCreation,
  error: unknown,
): Promise<AccountView> {
  const { slug } = creation;
  const set = failAttempt(creation, faultOf(error, 'create'), {
    now: services.now(),
    random: Math.random(),
  });
  const { state, code, message } = set;
  const event = {
    account: slug,
    subject: `account/${slug}`,
    actor: 'gantry:create',
    at: nowIso(services),
    data: { code, message },
  };

  await transactUnlessRaced(services.db, [
    accounts.updateAccountCreation(creation, set),
    ...(state === 'failed' ? [createEvent({ type: 'gantry.account.failed', ...event })] : []),
  ]);
  return readAccount(services, slug);
}
