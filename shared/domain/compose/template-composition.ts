import type { Track } from '../templates/index.ts';

/**
 * The composition of a template's machines for one track: a pointer to content-addressed objects.
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
   * `<account>/<name>` of every module that was considered, chosen or not. A promotion of any of
   * them may change the composition.
   */
  modules: string[];
  /** The template's revision it was composed from. */
  template_revision: number;
  /**
   * Counts the compositions that were stored here, so that a slow compose never replaces the result
   * of a newer one.
   */
  revision: number;
  made_at: string;
}
