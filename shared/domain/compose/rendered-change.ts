import type { ErrorCode } from '../../base/error-codes.ts';
import type { Metadata } from '../templates/index.ts';
import type { LayerName } from './composition-report.ts';

/** The difference of a file that is rendered for one machine. */
export interface RenderedChange {
  path: string;
  what: 'added' | 'removed' | 'changed';
  /** The module that ships the file, or shipped it. */
  module: LayerName;
  /** Keys that the file asks for and whose values differ, sorted. */
  keys: string[];
  /**
   * The lines that differ with those around them: `+ …`, `- …`, ` …`, and `@@ -<line> +<line> @@`
   * before each place. `more_lines` says how many were left out. Null for bytes that are not text,
   * for files too long to compare, and past the bound for all diffs together.
   */
  diff: string[] | null;
  more_lines: number;
}

/** The effects of a change on one machine, besides those on all machines of the template. */
export interface InstanceChange {
  instance_id: string;
  name: string;
  /** The machine's own metadata where it changes, as in `metadata.json`. */
  metadata: { before: Metadata; after: Metadata } | null;
  /** By path. `files_changed` says how many there are, if some were left out. */
  files: RenderedChange[];
  files_changed: number;
  /**
   * Why the machine would get no new desired state and keep the present one. `refuses`: the machine
   * lacks nothing before the change, so the change is refused.
   */
  error: { code: ErrorCode; message: string; refuses: boolean } | null;
}

/** The machines that were examined. `more`: the template has others. */
export interface InstanceChanges {
  examined: number;
  more: boolean;
  changed: InstanceChange[];
}
