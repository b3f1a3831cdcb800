import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import { type Track, tracks } from '../../domain/templates/index.ts';
import {
  type Attributes,
  change,
  type Db,
  json,
  key,
  number,
  read,
  remove,
  service,
  text,
  type Write,
} from '../db.ts';
import { options } from '../templates/index.ts';

/** What a template's machines are to be made of, for one track: the pointer to a content-addressed composition. */
export interface TemplateComposition {
  account: string;
  template_id: string;
  track: Track;
  /** `sha256:<hex>`: fs-verity digest of the image, which names the composition. */
  digest: string;
  /** S3 key of the JSON that says how it came to be (layers, report, instance files). */
  report_key: string;
  image_key: string;
  image_sha256: string;
  image_size: number;
  /** `<account>/<name>` of every module that was looked at for it, chosen or not: a promotion of any may change it. */
  modules: string[];
  /** The template's revision it was composed from. */
  revision: number;
  /** Counts the compositions that were put in place, so that a slow compose never replaces the result of a newer one. */
  sequence: number;
  made_at: string;
}

const compositions = new Entity(
  {
    model: { entity: 'composition', version: '1', service },
    attributes: {
      account: text,
      template_id: text,
      track: { type: tracks, required: true },
      digest: text,
      report_key: text,
      image_key: text,
      image_sha256: text,
      image_size: number,
      modules: json<string[]>(),
      revision: number,
      sequence: number,
      made_at: text,
    } satisfies Attributes<TemplateComposition>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'template_id'], '${account}#template#${template_id}'),
        sk: key('sk', ['track'], 'composition#${track}'),
      },
    },
  } as const,
  options,
);

export function getComposition(
  db: Db,
  account: string,
  template_id: string,
  track: Track,
): Promise<TemplateComposition | null> {
  return read(db, compositions, compositions.get({ account, template_id, track }).params());
}

/**
 * Makes a composition the template's, if the one that was in place when its making began still is: whatever changed since
 * then was composed by somebody else, who read it.
 */
export function putComposition(composition: TemplateComposition): Write {
  return change(
    compositions
      .put(composition as never)
      .where(({ sequence }, { notExists, eq }) =>
        composition.sequence === 1 ? notExists(sequence) : eq(sequence, composition.sequence - 1),
      )
      .params(),
    () => new GantryError('conflict', 'a newer composition is in place'),
  );
}

/** Changes nothing, if the composition that was in place when the making of another began still is; null for none. */
export function holdComposition(
  account: string,
  template_id: string,
  track: Track,
  was: number | null,
): Write {
  const row = { account, template_id, track };
  if (was === null) {
    // Deletes what is not there.
    return remove(
      compositions
        .delete(row)
        .where(({ sequence }, { notExists }) => notExists(sequence))
        .params(),
    );
  }
  return change(
    compositions
      .patch(row)
      .set({ sequence: was })
      .where(({ sequence }, { eq }) => eq(sequence, was))
      .params(),
  );
}
