import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import type {
  ImageLabels,
  PromotionState,
  Version,
  VersionApproval,
  VersionBuild,
  VersionKind,
} from '../../domain/modules/index.ts';
import type { Reverification } from '../../domain/reverify/index.ts';
import type { SignatureVerdict } from '../../domain/signatures/index.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  each,
  flag,
  json,
  key,
  query,
  read,
  readMany,
  service,
  text,
  type Write,
} from '../db.ts';

const versions = new Entity(
  {
    model: { entity: 'version', version: '1', service },
    attributes: {
      account: text,
      module: text,
      id: text,
      digest: text,
      version_string: text,
      kind: json<VersionKind>(),
      labels: json<ImageLabels | null>(),
      tags: json<string[]>(),
      promotion_state: json<PromotionState>(),
      was_live: flag,
      quarantined: flag,
      held: flag,
      builds: json<VersionBuild[]>(),
      manifest: json<unknown>(),
      evidence_key: text,
      signatures: json<SignatureVerdict[]>(),
      reverification: { ...json<Reverification>(), required: false },
      approvals: json<VersionApproval[]>(),
      ingested_at: text,
      state_changed_at: text,
    } satisfies Attributes<Version>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'id'], '${account}#version#${id}'),
        sk: key('sk', [], 'version'),
      },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account', 'module'], '${account}#module#${module}#versions'),
        sk: key('gsi1sk', ['ingested_at', 'id'], '${ingested_at}#${id}'),
      },
    },
  } as const,
  { table: 'table' },
);

export function getVersion(db: Db, account: string, id: string): Promise<Version | null> {
  return read(db, versions, versions.get({ account, id }).params());
}

/** Versions of a module, newest ingest first; those after the place that `versionPlace` names. */
export function listVersions(
  db: Db,
  account: string,
  module: string,
  limit = 10_000,
  after = '',
): Promise<Version[]> {
  const list = versions.query.list({ account, module });
  const [ingested_at = '', id = ''] = after.split('#');
  return query(
    db,
    versions,
    (after === '' ? list : list.lt({ ingested_at, id })).params(),
    limit,
    true,
  );
}

/** Every version of a module, as the index has it. */
export function eachVersion(db: Db, account: string, module: string): AsyncGenerator<Version> {
  return each(db, versions, versions.query.list({ account, module }).params());
}

/** Where a version stands in the list of its module. */
export function versionPlace({ ingested_at, id }: Version): string {
  return `${ingested_at}#${id}`;
}

/** As `listVersions`, each row read consistently: for decisions about state, which the index may show late. */
export async function readVersions(db: Db, account: string, module: string): Promise<Version[]> {
  const ids = versions.query.list({ account, module }).params({ attributes: ['account', 'id'] });
  const listed = await query<{ id: string }>(db, versions, ids, 10_000);
  const rows = await readMany<Version>(
    db,
    versions,
    listed.map(({ id }) => versions.get({ account, id }).params()),
  );
  const place = new Map(listed.map(({ id }, index) => [id, index]));
  return rows.sort((a, b) => (place.get(b.id) ?? 0) - (place.get(a.id) ?? 0));
}

export function createVersion(version: Version): Write {
  return create(
    versions.create(version as never).params(),
    () => new GantryError('already_exists', `version ${version.id} is ingested already`),
  );
}

/** Gives a version a further tag and, while it is `built`, another name; it must still be as it was read. */
export function nameVersion(was: Version, tags: string[], version_string: string): Write {
  return change(
    versions
      .patch({ account: was.account, id: was.id })
      .set({ tags, version_string } as never)
      .where(
        (row, { eq }) =>
          `${eq(row.version_string, was.version_string)} AND ${eq(row.promotion_state as never, was.promotion_state as never)}`,
      )
      .params(),
  );
}

/** Moves a version from the state it was read in to another; of two at once, one is told `operation_raced`. */
export function moveVersion(
  was: Version,
  to: PromotionState,
  at: string,
  extra: Partial<Version> = {},
): Write {
  return change(
    versions
      .patch({ account: was.account, id: was.id })
      .set({ ...extra, promotion_state: to, state_changed_at: at } as never)
      .where(
        ({ promotion_state, quarantined }, { eq }) =>
          `${eq(promotion_state as never, was.promotion_state as never)} AND ${eq(quarantined, was.quarantined)}`,
      )
      .params(),
    () =>
      new GantryError(
        'operation_raced',
        `expected ${was.module} ${was.version_string} to be ${was.promotion_state}; another request changed it first`,
      ),
  );
}

/** Notes how a re-verification ended, if nobody promoted, quarantined or re-verified the version since it was read. */
export function saveReverification(
  was: Version,
  set: Partial<Pick<Version, 'quarantined' | 'evidence_key' | 'signatures'>> & {
    reverification: Reverification;
  },
): Write {
  return change(
    versions
      .patch({ account: was.account, id: was.id })
      .set(set as never)
      .where(({ promotion_state, quarantined, evidence_key }, { eq }) =>
        [
          eq(promotion_state as never, was.promotion_state as never),
          eq(quarantined, was.quarantined),
          eq(evidence_key, was.evidence_key),
        ].join(' AND '),
      )
      .params(),
  );
}

/** Ids of a module's versions in these states, as the index shows them; no rows are read whole. */
export async function versionIdsIn(
  db: Db,
  account: string,
  module: string,
  states: readonly PromotionState[],
): Promise<string[]> {
  const attributes = ['account', 'id', 'promotion_state'] as const;
  const params = versions.query.list({ account, module }).params({ attributes: [...attributes] });
  const rows = await query<Pick<Version, 'id' | 'promotion_state'>>(db, versions, params, 100_000);
  return rows.filter(({ promotion_state }) => states.includes(promotion_state)).map(({ id }) => id);
}
