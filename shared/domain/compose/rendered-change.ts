import type { ErrorCode } from '../../base/error-codes.ts';
import type { Metadata } from '../templates/index.ts';
import type { LayerName } from './composition.ts';

/** How a file that is rendered for one machine would differ. */
export interface RenderedChange {
  path: string;
  what: 'added' | 'removed' | 'changed';
  /** Whose file it is, or was. */
  module: LayerName;
  /** Keys that the file asks for and whose values differ, sorted. */
  keys: string[];
  /**
   * The lines that differ with those around them: `+ …`, `- …`, ` …`, and `@@ -<line> +<line> @@`
   * before each place. `more_lines` says how many were left out. Null for bytes that are no text,
   * for files too long to compare, and past the bound for all diffs together.
   */
  diff: string[] | null;
  more_lines: number;
}

/** What a change does to one machine, besides what it does to all machines of the template. */
export interface InstanceChange {
  instance_id: string;
  name: string;
  /** The machine's own metadata where it changes, as in `metadata.json`. */
  metadata: { before: Metadata; after: Metadata } | null;
  /** By path. `files_changed` says how many there are, if some were left out. */
  files: RenderedChange[];
  files_changed: number;
  /**
   * Why the machine would keep its desired state and get no new one. `refuses`: the machine lacks
   * nothing before the change, so the change is refused.
   */
  error: { code: ErrorCode; message: string; refuses: boolean } | null;
}

/** The machines that were examined. `more`: the template has others. */
export interface InstanceChanges {
  examined: number;
  more: boolean;
  changed: InstanceChange[];
}
