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
   * The lines that differ with those around them: `+ …`, `- …`, `  …`, and `@@ -<line> +<line> @@` before each place; cut, as
   * `more_lines` tells. Null for what is no text, too long to be compared,
   * or past the lines of all diffs together.
   */
  diff: string[] | null;
  more_lines: number;
}

/** What a change does to one machine beside what it does to all machines of the template. */
export interface InstanceChange {
  instance_id: string;
  name: string;
  /** The machine's own metadata where that changes, as it stands in `metadata.json`. */
  metadata: { before: Metadata; after: Metadata } | null;
  /** By path; cut, `files_changed` tells how many there are. */
  files: RenderedChange[];
  files_changed: number;
  /**
   * Why the machine would get no new desired state, and keep the one that it has. `refuses`: the machine lacks nothing
   * before the change, which is therefore refused.
   */
  error: { code: ErrorCode; message: string; refuses: boolean } | null;
}

/** The machines that were looked at: `more` tells that the template has others. */
export interface InstanceChanges {
  examined: number;
  more: boolean;
  changed: InstanceChange[];
}
