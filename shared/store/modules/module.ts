import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import type { Module, ModuleChanges, Variety } from '../../domain/modules/index.ts';
import type { AttestationRequirement, SignerIdentity } from '../../domain/signatures/index.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  each,
  first,
  flag,
  hold,
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

const listShards = 4;

const modules = new Entity(
  {
    model: { entity: 'module', version: '1', service },
    attributes: {
      account: text,
      name: text,
      shard: number,
      id: text,
      visibility: json<'private' | 'public'>(),
      category: text,
      variety: json<Variety>(),
      parent_module: json<string | null>(),
      repository: text,
      identities: json<SignerIdentity[]>(),
      trusted_keys: json<string[]>(),
      trusted_root: json<unknown>(),
      require_tlog: flag,
      required_attestations: json<AttestationRequirement[]>(),
      platforms: json<string[]>(),
      allow_devices: flag,
      granted_reservations: json<string[]>(),
      policy_version: text,
      live_version_id: json<string | null>(),
      created_at: text,
      updated_at: text,
    } satisfies Attributes<Module>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'name'], '${account}#module#${name}'),
        sk: key('sk', [], 'module'),
      },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account', 'shard'], '${account}#modules#${shard}'),
        sk: key('gsi1sk', ['name'], '${name}'),
      },
    },
  } as const,
  { table: 'table' },
);

/** Rows of earlier releases have neither reservations nor attestations. */
function whole(row: Module): Module {
  return {
    ...row,
    granted_reservations: row.granted_reservations ?? [],
    required_attestations: row.required_attestations ?? [],
  };
}

export async function getModule(db: Db, account: string, name: string): Promise<Module | null> {
  const row = await read<Module>(db, modules, modules.get({ account, name }).params());
  return row === null ? null : whole(row);
}

export async function listModules(
  db: Db,
  account: string,
  limit = 1000,
  after = '',
): Promise<Module[]> {
  const rows = await queryShards<Module>(
    listShards,
    limit,
    (module) => module.name,
    (shard, count) =>
      query(
        db,
        modules,
        modules.query
          .list({ account, shard })
          .gt({ name: after || first })
          .params(),
        count,
      ),
  );
  return rows.map(whole);
}

/** Every module of an account, as the index has it. */
export async function* eachModule(db: Db, account: string): AsyncGenerator<Module> {
  for (let shard = 0; shard < listShards; shard++) {
    for await (const row of each<Module>(
      db,
      modules,
      modules.query.list({ account, shard }).params(),
    ))
      yield whole(row);
  }
}

export function createModule(module: Module): Write {
  return create(
    modules.create({ ...module, shard: shardOf(module.name, listShards) } as never).params(),
    () =>
      new GantryError('already_exists', `module "${module.name}" is registered already`, {
        field: 'name',
      }),
  );
}

/** Puts the reservations of a module in place, if nobody changed its row since it was read. */
export function putReservations(
  was: Module,
  granted_reservations: string[],
  updated_at: string,
): Write {
  return change(
    modules
      .patch({ account: was.account, name: was.name })
      .set({ granted_reservations, updated_at } as never)
      .where((row, { eq }) => eq(row.updated_at, was.updated_at))
      .params(),
  );
}

/** Changes a registration, if nobody changed its row since it was read. */
export function putRegistration(
  was: Module,
  set: ModuleChanges & Pick<Module, 'policy_version' | 'updated_at'>,
): Write {
  return change(
    modules
      .patch({ account: was.account, name: was.name })
      .set(set as never)
      .where((row, { eq }) => eq(row.updated_at, was.updated_at))
      .params(),
  );
}

/** Lets a transaction through only while the module's policy is the named one; throws `policy_changed`. */
export function holdPolicy(account: string, name: string, policy_version: string | null): Write {
  const { Key } = modules.get({ account, name }).params();
  return hold({ Key, attribute: 'policy_version', is: policy_version }, () => policyChanged(name));
}

export function policyChanged(name: string): GantryError {
  return new GantryError(
    'policy_changed',
    `expected "${name}" to have the policy that its signatures were judged by; it was changed, and they are judged again`,
  );
}

/** Moves the module's live pointer; the invariant "one live version a module" rests on its condition. */
export function moveLive(
  account: string,
  name: string,
  from: string | null,
  to: string | null,
): Write {
  return change(
    modules
      .patch({ account, name })
      .set({ live_version_id: to } as never)
      .where(({ live_version_id }, { eq }) => eq(live_version_id as never, from as never))
      .params(),
    () =>
      new GantryError(
        'operation_raced',
        `another promotion of "${name}" was applied at the same time`,
      ),
  );
}
