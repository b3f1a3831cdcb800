import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import type { DesiredError, Instance, InstanceReport } from '../../domain/machines/index.ts';
import type { Metadata, Track } from '../../domain/templates/index.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  each,
  first,
  json,
  key,
  number,
  query,
  queryShards,
  read,
  service,
  shardOf,
  text,
  type Write,
} from '../db.ts';

const listShards = 8;

export const options = { table: 'table' };

const instances = new Entity(
  {
    model: { entity: 'instance', version: '1', service },
    attributes: {
      account: text,
      id: text,
      shard: number,
      name: text,
      template_id: text,
      track: json<Track>(),
      metadata: json<Metadata>(),
      clusters: json<string[]>(),
      state: json<Instance['state']>(),
      key_thumbprint: json<string | null>(),
      credential_hash: json<string | null>(),
      join_secret_hash: json<string | null>(),
      join_expires_at: json<string | null>(),
      desired_version: number,
      desired_hash: json<string | null>(),
      desired_composition: json<string | null>(),
      desired_modules: json<Record<string, string>>(),
      desired_signed_at: json<string | null>(),
      desired_expires_at: json<string | null>(),
      desired_report_keys: json<string[]>(),
      desired_key_id: json<string | null>(),
      desired_correlation_id: json<string | null>(),
      desired_error: json<DesiredError | null>(),
      report: json<InstanceReport | null>(),
      created_at: text,
      updated_at: text,
    } satisfies Attributes<Instance>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'id'], '${account}#instance#${id}'),
        sk: key('sk', [], 'instance'),
      },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account', 'shard'], '${account}#instances#${shard}'),
        sk: key('gsi1sk', ['id'], '${id}'),
      },
      byTemplate: {
        index: 'gsi2',
        pk: key(
          'gsi2pk',
          ['account', 'template_id'],
          '${account}#template#${template_id}#instances',
        ),
        sk: key('gsi2sk', ['id'], '${id}'),
      },
    },
  } as const,
  options,
);

export function getInstance(db: Db, account: string, id: string): Promise<Instance | null> {
  return read(db, instances, instances.get({ account, id }).params());
}

export function listInstances(
  db: Db,
  account: string,
  limit = 1000,
  after = '',
): Promise<Instance[]> {
  return queryShards<Instance>(
    listShards,
    limit,
    (instance) => instance.id,
    (shard, count) =>
      query(
        db,
        instances,
        instances.query
          .list({ account, shard })
          .gt({ id: after || first })
          .params(),
        count,
      ),
  );
}

/** Every instance of a template, as the index has it. */
export function eachInstanceOf(
  db: Db,
  account: string,
  template_id: string,
): AsyncGenerator<Instance> {
  return each<Instance>(
    db,
    instances,
    instances.query.byTemplate({ account, template_id }).params(),
  );
}

/** Every instance of an account, as the index has it. */
export async function* eachInstance(db: Db, account: string): AsyncGenerator<Instance> {
  for (let shard = 0; shard < listShards; shard++) {
    yield* each<Instance>(db, instances, instances.query.list({ account, shard }).params());
  }
}

/**
 * Reads on through an account's instances, or those of a template, each row once: shard after shard, by id in each.
 * @param place where the part before ended, '' to begin
 * @returns `limit` instances, or fewer with the last ones; `next` is null when there are no more. Fails with
 *   `invalid_cursor` where `place` is no such place.
 */
export async function walkInstances(
  db: Db,
  account: string,
  template_id: string | null,
  limit: number,
  place: string,
): Promise<{ instances: Instance[]; next: string | null }> {
  const [, digits, id] = /^(\d)#(.+)$/.exec(place) ?? [];
  const shards = template_id === null ? listShards : 1;
  let shard = Number(digits ?? 0);
  let after = id ?? first;
  if ((place !== '' && id === undefined) || shard >= shards) {
    throw new GantryError('invalid_cursor', 'expected a next_cursor of an earlier page', {
      field: 'cursor',
    });
  }
  const found: Instance[] = [];
  while (shard < shards) {
    const wanted = limit - found.length;
    const params =
      template_id === null
        ? instances.query.list({ account, shard }).gt({ id: after }).params()
        : instances.query.byTemplate({ account, template_id }).gt({ id: after }).params();
    const rows = await query<Instance>(db, instances, params, wanted);
    found.push(...rows);
    if (rows.length === wanted)
      return { instances: found, next: `${shard}#${rows.at(-1)?.id ?? after}` };
    shard += 1;
    after = first;
  }
  return { instances: found, next: null };
}

export function createInstance(instance: Instance): Write {
  return create(
    instances.create({ ...instance, shard: shardOf(instance.id, listShards) } as never).params(),
    () => new GantryError('already_exists', `instance ${instance.id} exists`),
  );
}

/** What people change (metadata, track, …), if nobody else did since it was read. */
export function updateInstance(was: Instance, set: Partial<Instance>): Write {
  return change(
    instances
      .patch({ account: was.account, id: was.id })
      .set(set as never)
      .where(({ updated_at }, { eq }) => eq(updated_at, was.updated_at))
      .params(),
  );
}

/** Binds the agent's key: only once a join token, only before it expires. */
export function enrolInstance(
  was: Instance,
  key_thumbprint: string,
  credential_hash: string,
  now: string,
): Write {
  return change(
    instances
      .patch({ account: was.account, id: was.id })
      .set({
        state: 'enrolled',
        key_thumbprint,
        credential_hash,
        join_secret_hash: null,
        join_expires_at: null,
        updated_at: now,
      } as never)
      .where(({ join_secret_hash }, { eq }) =>
        eq(join_secret_hash as never, was.join_secret_hash as never),
      )
      .params(),
    () => new GantryError('join_token_used', 'the join token was used already'),
  );
}

/** Counts a newly signed desired state: of two signers at once, one wins. */
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
  return change(
    instances
      .patch({ account: was.account, id: was.id })
      .set(set as never)
      .where(({ desired_version }, { eq }) => eq(desired_version, was.desired_version))
      .params(),
  );
}

/** Keeps why the desired state could not be made, or null once it could: an observation of the state that was read. */
export function noteDesiredError(was: Instance, desired_error: DesiredError | null): Write {
  return change(
    instances
      .patch({ account: was.account, id: was.id })
      .set({ desired_error } as never)
      .where(({ desired_version }, { eq }) => eq(desired_version, was.desired_version))
      .params(),
  );
}

/** Keeps a report; reports are observations, the last one counts. One of a machine that is none any more does not. */
export function putReport(was: Instance, report: InstanceReport): Write {
  return change(
    instances
      .patch({ account: was.account, id: was.id })
      .set({ report } as never)
      .where(({ credential_hash }, { eq }) =>
        eq(credential_hash as never, was.credential_hash as never),
      )
      .params(),
    () =>
      new GantryError('conflict', 'the machine was enrolled again, or decommissioned, meanwhile'),
  );
}

/** Ends an agent's credential, if it is still the instance's. */
export function endCredential(
  was: Instance,
  state: 'credential_reused' | 'decommissioned',
  now: string,
): Write {
  return change(
    instances
      .patch({ account: was.account, id: was.id })
      .set({
        state,
        key_thumbprint: null,
        credential_hash: null,
        join_secret_hash: null,
        join_expires_at: null,
        updated_at: now,
      } as never)
      .where((row, { eq }) => {
        return `${eq(row.credential_hash as never, was.credential_hash as never)} AND ${eq(row.updated_at, was.updated_at)}`;
      })
      .params(),
  );
}
