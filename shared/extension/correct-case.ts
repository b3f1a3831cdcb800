import type { KeyPath, ManifestFinding } from '../manifest/index.ts';
import { wordsAt } from './schema-paths.ts';

/** Writes the words of enumerations as the schema has them, with a warning for each other case. */
export function correctCase(value: unknown): { value: unknown; findings: ManifestFinding[] } {
  const findings: ManifestFinding[] = [];

  const correct = (given: unknown, path: KeyPath): unknown => {
    if (typeof given === 'string') return correctWord(given, path);
    if (Array.isArray(given)) return given.map((item, index) => correct(item, [...path, index]));
    if (typeof given !== 'object' || given === null) return given;
    return Object.fromEntries(
      Object.entries(given).map(([key, inner]) => [key, correct(inner, [...path, key])]),
    );
  };

  const correctWord = (given: string, path: KeyPath): string => {
    const words = wordsAt(path);
    const meant = words.find((word) => word.toLowerCase() === given.toLowerCase());
    if (meant === undefined || meant === given) return given;

    const message = `${given} is read as ${meant}; write ${meant}`;
    findings.push({ severity: 'warning', path, message });
    return meant;
  };

  return { value: correct(value, []), findings };
}
