import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { addLogKeys, correlationId } from '../../base/log-context.ts';
import { daySeconds } from '../../base/time.ts';
import {
  contentHash,
  type DesiredStateOptions,
  makeDesiredState,
  readClaimedContent,
} from '../../director/index.ts';
import type { Account } from '../../domain/accounts/index.ts';
import type { Instance } from '../../domain/machines/index.ts';
import { desiredStateEvent, putResign, signedInstance } from '../../store/machines/index.ts';
import { etagOf, getBytes, objectKeys, replaceLatest } from '../../store/objects.ts';
import { transact } from '../../store/table/index.ts';
import { signAsDirector } from '../accounts/index.ts';
import { later, nowIso, type Services } from '../context/index.ts';

/** What a desired state says, without its version and time. */
export type Content = Pick<DesiredStateOptions, 'custom' | 'image'>;

/** What the instance's row keeps of it. */
export type DesiredFacts = Pick<
  Instance,
  'desired_composition' | 'desired_modules' | 'desired_report_keys' | 'desired_error'
>;

const lifeSeconds = limits.desiredStateDays * daySeconds;

/**
 * Whether an unchanged desired state must be signed again: at half of its life, or for a new
 * director key.
 */
export function isDue(services: Services, instance: Instance, account: Account): boolean {
  if (instance.desired_key_id !== account.director_key_id) return true;
  const signed = Date.parse(instance.desired_signed_at ?? '1970-01-01T00:00:00Z');
  return services.now().getTime() >= signed + (lifeSeconds * 1000) / 2;
}

/**
 * Signs the desired state of an instance. The version is claimed first and confirmed after the
 * bytes are in place: a worker that dies in between leaves no hash, so the next one signs again.
 */
export async function signDesiredState(
  services: Services,
  instance: Instance,
  account: Account,
  { content, facts }: { content: Content; facts: DesiredFacts },
): Promise<void> {
  const { custom, image } = content;
  const { desired_composition, desired_modules, desired_report_keys, desired_error } = facts;
  const key = objectKeys.desiredState(instance.account, instance.id);
  // Read the ETag before claiming the version: a worker that replaces the bytes later claimed an
  // earlier version or fails.
  const inPlace = await etagOf(services.objects, key);

  const set = {
    desired_composition,
    desired_modules,
    desired_error,
    // Keep naming the objects of the present desired state until it is replaced, because an agent
    // may still fetch them.
    desired_report_keys: [...new Set([...instance.desired_report_keys, ...desired_report_keys])],
    desired_version: instance.desired_version + 1,
    desired_hash: null,
    desired_signed_at: nowIso(services),
    desired_expires_at: later(services, lifeSeconds),
    desired_key_id: account.director_key_id,
    desired_correlation_id: correlationId() ?? null,
  };

  addLogKeys({ desired_state_version: set.desired_version });
  await transact(services.db, [signedInstance(instance, set)]);

  const metadata = makeDesiredState({
    custom,
    image: { length: image.length, sha256: image.sha256 },
    version: set.desired_version,
    expires: new Date(set.desired_expires_at),
  });

  const bytes = await signAsDirector(services, account.director_key_id, metadata);

  await replaceLatest(services.objects, { key, body: bytes, type: 'application/json' }, inPlace);
  await transact(services.db, [
    signedInstance(
      { ...instance, ...set },
      { ...set, desired_report_keys, desired_hash: contentHash({ custom, image }) },
    ),
    putResign(instance.account, instance.id, later(services, lifeSeconds / 2)),
    desiredStateEvent(
      instance,
      { actor: 'gantry:reconcile', at: set.desired_signed_at },
      'signed',
      { version: set.desired_version, composition_digest: set.desired_composition },
    ),
  ]);
}

/**
 * Signs the present desired state again if no newer one can be made. Others may be able to write to
 * the bucket, so its content must match the hash in the table. Does nothing if there is none yet.
 *
 * @throws GantryError `desired_state_invalid` for other content
 */
export async function signHeld(
  services: Services,
  instance: Instance,
  account: Account,
): Promise<void> {
  if (instance.desired_version === 0) return;

  const bytes = await getBytes(
    services.objects,
    objectKeys.desiredState(instance.account, instance.id),
  );
  const content = readClaimedContent(bytes);
  const found = contentHash(content);

  if (found !== instance.desired_hash) {
    throw new GantryError(
      'desired_state_invalid',
      `expected the desired state of ${instance.id} to have the content that was signed, found other content; Gantry does not sign it`,
      { expected: instance.desired_hash, found },
    );
  }

  await signDesiredState(services, instance, account, { content, facts: instance });
}
