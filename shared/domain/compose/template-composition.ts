import type { Track } from '../templates/index.ts';

/**
 * What a template's machines must be made of, for one track: the pointer to a content-addressed
 * composition.
 */
export interface TemplateComposition {
  account: string;
  template_id: string;
  track: Track;
  /** `sha256:<hex>`: fs-verity digest of the image, which names the composition. */
  digest: string;
  /** S3 key of the JSON that says how it was made (layers, report, instance files). */
  report_key: string;
  image_key: string;
  image_sha256: string;
  image_size: number;
  /**
   * `<account>/<name>` of every module that was looked at for it, chosen or not: a promotion of any
   * may change it.
   */
  modules: string[];
  /** The template's revision it was composed from. */
  template_revision: number;
  /**
   * Counts the compositions that were put in place, so that a slow compose never replaces the
   * result of a newer one.
   */
  revision: number;
  made_at: string;
}
