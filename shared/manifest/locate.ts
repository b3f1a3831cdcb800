import { limits } from '../base/limits/index.ts';
import type { ManifestDocument } from './document.ts';
import type { ManifestFinding, ManifestProblem } from './problem.ts';

/**
 * Returns problems in the order of the text, at most as many as people read. Errors take precedence
 * over warnings.
 */
export function locateFindings(
  document: ManifestDocument,
  findings: readonly ManifestFinding[],
): ManifestProblem[] {
  const errorsFirst = findings.toSorted((a, b) => a.severity.localeCompare(b.severity));
  return [
    ...document.problems,
    ...errorsFirst.slice(0, limits.manifestProblemsMax).map(document.locate),
  ]
    .slice(0, limits.manifestProblemsMax)
    .sort((a, b) => a.line - b.line || a.column - b.column);
}
