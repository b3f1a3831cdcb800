import { GantryError } from '../../base/error.ts';
import type { DesiredError, Instance, InstanceReport } from '../../domain/machines/index.ts';
import { type Db, type Draft, entity, type Write } from '../table/index.ts';

const instances = entity<Instance>()({
  name: 'instance',
  attributes: {
    account: 'text',
    id: 'text',
    name: 'text',
    template_id: 'text',
    track: 'text',
    metadata: 'json',
    clusters: 'json',
    state: 'text',
    key_thumbprint: 'json',
    sealing_key: 'optional',
    credential_hash: 'json',
    join_secret_hash: 'json',
    join_expires_at: 'json',
    desired_version: 'number',
    desired_hash: 'json',
    desired_composition: 'json',
    desired_modules: 'json',
    desired_signed_at: 'json',
    desired_expires_at: 'json',
    desired_report_keys: 'json',
    desired_key_id: 'json',
    desired_correlation_id: 'json',
    desired_error: 'json',
    report: 'json',
    revision: 'number',
    created_at: 'text',
    updated_at: 'text',
  },
  shards: { count: 8, of: ({ id }) => id },
  key: { pk: '${account}#instance#${id}', sk: 'instance' },
  lists: {
    byId: { index: 'gsi1', pk: '${account}#instances#${shard}', sk: '${id}' },
    byTemplate: {
      index: 'gsi2',
      pk: '${account}#template#${template_id}#instances',
      sk: '${id}',
    },
  },
});

export function getInstance(db: Db, account: string, id: string): Promise<Instance | null> {
  return instances.get(db, { account, id });
}

/** A page of an account's instances, or of those of a template, oldest first. */
export async function listInstances(
  db: Db,
  { account, template_id }: { account: string; template_id?: string | undefined },
  limit = 1000,
  after = '',
): Promise<Instance[]> {
  const range = { limit, after };
  const { rows } =
    template_id === undefined
      ? await instances.list(db, 'byId', { account }, range)
      : await instances.list(db, 'byTemplate', { account, template_id }, range);
  return rows;
}

/** Every instance of a template, as the index has it. */
export function eachInstanceOf(
  db: Db,
  account: string,
  template_id: string,
): AsyncGenerator<Instance> {
  return instances.each(db, 'byTemplate', { account, template_id });
}

/** Counts the instances of a template on a track that are not decommissioned. */
export async function countInstances(
  db: Db,
  { account, template_id, track }: Pick<Instance, 'account' | 'template_id' | 'track'>,
): Promise<number> {
  let found = 0;
  for await (const one of eachInstanceOf(db, account, template_id))
    if (one.track === track && one.state !== 'decommissioned') found += 1;
  return found;
}

/** Every instance of an account, as the index has it. */
export function eachInstance(db: Db, account: string): AsyncGenerator<Instance> {
  return instances.each(db, 'byId', { account });
}

/**
 * Reads the next part of an account's instances, or of those of a template, each row once.
 * @param part `place` is the end of the part before, '' to begin
 * @returns `part.limit` instances, or fewer with the last ones; `next` is null when there are no
 * more
 * @throws `invalid_cursor` where `part.place` is no such end
 */
export async function walkInstances(
  db: Db,
  { account, template_id }: { account: string; template_id: string | null },
  part: { limit: number; place: string },
): Promise<{ instances: Instance[]; next: string | null }> {
  const { rows, cursor } =
    template_id === null
      ? await instances.walk(db, 'byId', { account }, part)
      : await instances.walk(db, 'byTemplate', { account, template_id }, part);

  return { instances: rows, next: cursor };
}

export function createInstance(instance: Draft<Instance>): Write {
  return instances.create(
    instance,
    () => new GantryError('already_exists', `instance ${instance.id} exists`),
  );
}

/** What people change: metadata, track, clusters. */
export function updateInstance(was: Instance, set: Partial<Draft<Instance>>): Write {
  return instances.update(was, set);
}

/** Binds the agent's keys: a join token enrols once, and only before it expires. */
export function enrolInstance(
  was: Instance,
  keys: Pick<Instance, 'key_thumbprint' | 'credential_hash'> & { sealing_key: string | null },
  now: string,
): Write {
  const { account, id, join_secret_hash } = was;
  return instances.updateWhere(
    { account, id },
    { join_secret_hash },
    {
      state: 'enrolled',
      ...keys,
      join_secret_hash: null,
      join_expires_at: null,
      updated_at: now,
    },
    () => new GantryError('join_token_used', 'the join token was used already'),
  );
}

/**
 * Counts a newly signed desired state: of two concurrent signers, one wins, because versions only
 * rise.
 */
export function signedInstance(
  was: Instance,
  set: Pick<
    Instance,
    | 'desired_version'
    | 'desired_hash'
    | 'desired_composition'
    | 'desired_modules'
    | 'desired_signed_at'
    | 'desired_expires_at'
    | 'desired_report_keys'
    | 'desired_key_id'
    | 'desired_correlation_id'
    | 'desired_error'
  >,
): Write {
  const { account, id, desired_version } = was;
  return instances.adjust({ account, id }, { set }, { desired_version });
}

/**
 * Notes why the desired state could not be made, or null once it could: an observation of the state
 * that was read.
 */
export function noteDesiredError(was: Instance, desired_error: DesiredError | null): Write {
  const { account, id, desired_version } = was;
  return instances.adjust({ account, id }, { set: { desired_error } }, { desired_version });
}

/**
 * Keeps a report: an observation, of which the last one counts, while the machine has the
 * credential that sent it.
 */
export function putReport(was: Instance, report: InstanceReport): Write {
  const { account, id, credential_hash } = was;
  return instances.adjust(
    { account, id },
    { set: { report } },
    { credential_hash },
    () =>
      new GantryError('conflict', 'the machine was enrolled again, or decommissioned, meanwhile'),
  );
}

/** Ends an agent's credential, unless the instance was changed since it was read. */
export function endCredential(
  was: Instance,
  state: 'credential_reused' | 'decommissioned',
  now: string,
): Write {
  return instances.update(was, {
    state,
    key_thumbprint: null,
    sealing_key: null,
    credential_hash: null,
    join_secret_hash: null,
    join_expires_at: null,
    updated_at: now,
  });
}
