import { GantryError } from '../../../base/error.ts';
import type { Instance } from '../../../domain/machines/index.ts';
import { type Change, strictestPolicy } from '../../../domain/operations/index.ts';
import { type Metadata, type Track, tracks } from '../../../domain/templates/index.ts';
import { createEvent } from '../../../store/event.ts';
import { updateInstance } from '../../../store/machines/index.ts';
import type { Write } from '../../../store/table/index.ts';
import { freeName } from '../../../store/unique.ts';
import { enqueue, type Services } from '../../context/index.ts';
import {
  assertActive,
  requireActiveInstance,
  requireInstance,
  takeInstanceName,
} from '../../machines/index.ts';
import { type Affected, type ChangeKind, nothing, sameView } from './change-kind.ts';
import { refuseMerged } from './merged-metadata.ts';
import { fieldFacts, stateFact } from './review-text.ts';

type Update = Change<'instance_update'>;

export const instanceUpdate: ChangeKind<'instance_update', Instance> = {
  action: (change) => (widensTrack(change) ? 'instance_track_change' : 'instance_change'),

  /** A machine on a track with more versions gets some that no reviewer let through. */
  async policy(change, inForce) {
    const own = await inForce('instance_change');
    return widensTrack(change)
      ? strictestPolicy([await inForce('instance_track_change'), own])
      : own;
  },

  read: (services, account, change) => requireInstance(services, account, change.instance_id),

  /** The policy was chosen by the track that the machine had, so it must have that track still. */
  check({ from_track, from_metadata }, row) {
    assertActive(row);
    refuseMerged(from_metadata, row.metadata, row.name);
    if (from_track === undefined || from_track === row.track) return;

    throw new GantryError(
      'operation_raced',
      `expected ${row.name} to be on track ${from_track}, found it on ${row.track}; request it again`,
    );
  },

  /** The track is named, because it decides whose review the machine's versions had. */
  summary({ name: next, track, from_track, metadata, clusters }, { name, track: now }) {
    const parts = [
      ...(next === undefined ? [] : [`rename instance ${name} to ${next}`]),
      ...(track === undefined
        ? []
        : [`move instance ${name} from ${from_track ?? now} to ${track}`]),
    ];
    const rest = metadata !== undefined || clusters !== undefined || parts.length === 0;
    return [...parts, ...(rest ? [`change instance ${name}`] : [])].join(' and ');
  },

  /** The machine's own files are rendered from its metadata; clusters change none. */
  tried(change) {
    return change.metadata === undefined && change.track === undefined
      ? nothing
      : templateOf(change);
  },

  /**
   * A machine's metadata is no part of the composition that it shares; its track may not be
   * composed yet.
   */
  affected: (change) => (change.track === undefined ? nothing : templateOf(change)),

  view: sameView,

  instance: (row, change) =>
    row.id === change.instance_id ? { ...row, ...fieldsOf(change) } : row,

  writes({ operation, change, rows: was, at }) {
    const set = fieldsOf(change);
    return [
      ...renamingWrites(was, change),
      updateInstance(was, { ...set, updated_at: at }),
      createEvent({
        type: 'gantry.instance.updated',
        account: operation.account,
        subject: `instance/${was.id}`,
        actor: operation.requested_by,
        at,
        data: { changed: Object.keys(set), operation_id: operation.id },
      }),
    ];
  },

  review(change, row) {
    return {
      facts: [
        ...stateFact('machine', row.name),
        ...fieldFacts({ ...fieldsOf(change) }, { ...row }),
      ],
      warnings: [],
    };
  },

  async follow(services, account, { instance_id }) {
    await enqueue(services, 'reconcile', [{ account, instance_id }]);
  },
};

/** Other rows know a machine by its id. */
function renamingWrites(was: Instance, { name }: Update): Write[] {
  if (name === undefined || name === was.name) return [];
  return [
    takeInstanceName({ ...was, name }),
    freeName({ account: was.account, kind: 'instance', value: was.name }),
  ];
}

export interface InstanceInput {
  name?: string;
  /** Replaced whole. */
  metadata?: Metadata;
  /** `metadataHash` of what the metadata was merged with. */
  from_metadata?: string;
  track?: Track;
  clusters?: string[];
}

/**
 * The change that a request to update a machine means. Throws `not_found` or
 * `instance_decommissioned`.
 */
export async function instanceUpdateOf(
  services: Services,
  account: string,
  { id, ...set }: InstanceInput & { id: string },
): Promise<Update> {
  const { track: now } = await requireActiveInstance(services, account, id);
  const { track, ...rest } = set;
  // A machine that stays on its track needs no approval for that.
  return {
    kind: 'instance_update',
    instance_id: id,
    ...rest,
    ...(track === undefined || track === now ? {} : { track, from_track: now }),
  };
}

/** Whether a machine moves to a track that has more versions than the one that it leaves. */
function widensTrack({ track, from_track = 'live' }: Update): boolean {
  return track !== undefined && tracks.indexOf(track) > tracks.indexOf(from_track);
}

function fieldsOf({
  kind: _,
  instance_id: __,
  from_track: ___,
  from_metadata: ____,
  ...set
}: Update): Omit<InstanceInput, 'from_metadata'> {
  return set;
}

function templateOf({ instance_id, track }: Update): Affected {
  return { of: 'instance', instance_id, track: track ?? null };
}
