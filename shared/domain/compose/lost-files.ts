import type { LayerName } from './composition-report.ts';

/** Files of a module that do not reach machines, because of one other module. */
export interface LostFiles {
  module: LayerName;
  /** `dropped` by protection, or `shadowed` by a higher layer. */
  how: 'dropped' | 'shadowed';
  because_of: LayerName;
  /** The first ones; `count` has the full number. */
  paths: string[];
  count: number;
  /** True if nothing of the module reaches machines. */
  nothing_left: boolean;
  /** What happened, why, and what to do about it. */
  message: string;
}
