import type { WithheldReason } from '../modules/index.ts';
import type { Track } from '../templates/index.ts';
import type { LayerName } from './composition-report.ts';

/** A module of a template on one track, and what people should know about its version. */
export interface TemplateModule {
  track: Track;
  module: LayerName;
  /** The version in the composition; null for an assigned module that has none on the track. */
  version: string | null;
  version_id: string | null;
  assigned: boolean;
  /** Why machines that lack the version do not get it now; null if they do. */
  withheld: WithheldReason | null;
  /** True for another account's module: the template stays with its version. */
  pinned: boolean;
  /** The version that an operation proposes in its place. */
  proposal: { version: string; operation_id: string; state: string } | null;
  /** Versions that people refused, as strings. */
  rejected: string[];
}
