import { randomBytes } from 'node:crypto';
import { newId, sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import { type AskedKey, listAskedKeys, listMissingKeys } from '../../composition/index.ts';
import type { JoinToken } from '../../contract/machines/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Instance } from '../../domain/machines/index.ts';
import type { Metadata, Track } from '../../domain/templates/index.ts';
import { getComposition } from '../../store/compose/index.ts';
import {
  createInstance as insert,
  instanceEvent,
  updateInstance,
} from '../../store/machines/index.ts';
import { noteInstanceAdded } from '../../store/templates/index.ts';
import { requireAccount } from '../accounts/index.ts';
import { readInstanceFiles, recordInPlace } from '../compositions/index.ts';
import { commit, later, nowIso, type Services } from '../context/index.ts';
import { requireTemplate } from '../templates/index.ts';
import { requestFirstCompose, sendFirstCompose } from './first-compose.ts';
import { takeInstanceName } from './instance-name.ts';
import { requireActiveInstance } from './require-instance.ts';

/**
 * Makes an instance of a template, and the join token for its agent, which is shown once.
 * `keys_missing` are the metadata keys that the composition of its track needs and the instance
 * lacks. The instance is created nevertheless, but gets no desired state until it has them.
 */
export async function createInstance(
  services: Services,
  caller: Caller,
  input: {
    name: string;
    template_id: string;
    track?: Track;
    metadata?: Metadata;
    clusters?: string[];
  },
): Promise<{ instance: Instance; join_token: string; keys_missing: AskedKey[] }> {
  const template = await requireTemplate(services, caller.account, input.template_id);
  const at = nowIso(services);
  const secret = randomBytes(32).toString('base64url');

  const instance: Instance = {
    account: caller.account,
    id: newId('instance'),
    name: input.name,
    template_id: template.id,
    track: input.track ?? 'live',
    metadata: input.metadata ?? {},
    clusters: input.clusters ?? [],
    state: 'awaiting_enrolment',
    key_thumbprint: null,
    sealing_key: null,
    credential_hash: null,
    join_secret_hash: sha256Hex(secret),
    join_expires_at: later(services, limits.joinTokenSeconds),
    desired_version: 0,
    desired_hash: null,
    desired_composition: null,
    desired_modules: {},
    desired_signed_at: null,
    desired_expires_at: null,
    desired_report_keys: [],
    desired_key_id: null,
    desired_correlation_id: null,
    desired_error: null,
    report: null,
    revision: 1,
    created_at: at,
    updated_at: at,
  };

  const result = {
    instance,
    join_token: await joinTokenOf(services, instance, secret),
    keys_missing: await missingKeys(services, instance),
  };

  const writes = [
    insert(instance),
    noteInstanceAdded(caller.account, template.id, at),
    takeInstanceName(instance),
    requestFirstCompose(services, instance),
    instanceEvent(instance, { actor: caller.actor, at }, 'created', {
      name: input.name,
      template_id: template.id,
      track: instance.track,
    }),
  ];
  // Machines that are created together meet at the row of their template.
  await retryConflicts(() => commit(services, writes, result));

  // It may be the first instance of its track on this template, so the track is composed too.
  await sendFirstCompose(services, instance);
  return result;
}

async function missingKeys(
  services: Services,
  { account, template_id, track, metadata }: Instance,
) {
  const record = await recordInPlace(
    services,
    await getComposition(services.db, account, template_id, track),
  );
  const files = record?.instance_files ?? [];

  return listMissingKeys(listAskedKeys(files, await readInstanceFiles(services, files)), metadata);
}

/**
 * A new join token for an instance that enrols, or enrols again. The former token and a bound key
 * stop working.
 */
export async function renewJoinToken(
  services: Services,
  caller: Caller,
  id: string,
): Promise<{ join_token: string }> {
  const instance = await requireActiveInstance(services, caller.account, id);
  const secret = randomBytes(32).toString('base64url');
  const at = nowIso(services);

  const join_token = await joinTokenOf(services, instance, secret);
  const writes = [
    updateInstance(instance, {
      state: 'awaiting_enrolment',
      key_thumbprint: null,
      sealing_key: null,
      credential_hash: null,
      join_secret_hash: sha256Hex(secret),
      join_expires_at: later(services, limits.joinTokenSeconds),
      updated_at: at,
    }),
    instanceEvent(instance, { actor: caller.actor, at }, 'updated', { join_token: 'renewed' }),
  ];
  return commit(services, writes, { join_token });
}

async function joinTokenOf(
  services: Services,
  instance: Instance,
  secret: string,
): Promise<string> {
  const account = await requireAccount(services, instance.account);
  const token: JoinToken = {
    url: services.settings.publicUrl,
    account: instance.account,
    instance: instance.id,
    secret,
    root_sha256: account.root_sha256,
  };

  return Buffer.from(JSON.stringify(token)).toString('base64url');
}
