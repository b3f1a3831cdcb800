import type { ManifestProblem } from '../../shared/manifest/index.ts';

/** Formats one line for each problem, in the form that editors and CI systems link to. */
export function formatProblems(
  file: string,
  { errors, warnings }: { errors: ManifestProblem[]; warnings: ManifestProblem[] },
): string[] {
  const problems = [...errors, ...warnings].sort((a, b) => a.line - b.line || a.column - b.column);
  return problems.map(({ severity, line, column, path, message }) => {
    const words = [path, severity === 'warning' ? `warning: ${message}` : message].filter(Boolean);
    // Problems with what is beside the text have no place in it.
    const place = line === 0 ? file : `${file}:${line}:${column}`;
    return `${place} ${words.join(' ')}`;
  });
}
