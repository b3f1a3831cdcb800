import { Entity } from 'electrodb';
import type { ErrorCode } from '../../base/error-codes.ts';
import type { CompositionFailure } from '../../domain/compose/index.ts';
import { type Track, tracks } from '../../domain/templates/index.ts';
import {
  type Attributes,
  change,
  type Db,
  json,
  key,
  read,
  remove,
  service,
  text,
  type Write,
} from '../db.ts';

const failures = new Entity(
  {
    model: { entity: 'compositionfailure', version: '1', service },
    attributes: {
      account: text,
      template_id: text,
      track: { type: tracks, required: true },
      code: json<ErrorCode>(),
      message: text,
      since: text,
    } satisfies Attributes<CompositionFailure>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'template_id'], '${account}#template#${template_id}'),
        sk: key('sk', ['track'], 'composition-failure#${track}'),
      },
    },
  } as const,
  { table: 'table' },
);

export function getCompositionFailure(
  db: Db,
  account: string,
  template_id: string,
  track: Track,
): Promise<CompositionFailure | null> {
  return read(db, failures, failures.get({ account, template_id, track }).params());
}

/** To be written with `holdComposition`, which is its condition: what a newer composition put right is not told any more. */
export function putCompositionFailure(failure: CompositionFailure): Write {
  return change(failures.put(failure as never).params());
}

/** To be written with the composition that puts it right, whose condition is its own. */
export function clearCompositionFailure(account: string, template_id: string, track: Track): Write {
  return remove(failures.delete({ account, template_id, track }).params());
}
