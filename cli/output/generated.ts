import type { GeneratedFile } from '../build/generated-files.ts';
import { safe } from './table.ts';

/** Formats what machines get from a manifest, after the other lines about its module. */
export function formatGenerated(files: readonly GeneratedFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    [
      `  generated ${path}`,
      ...text
        .trimEnd()
        .split('\n')
        .map((line) => `    ${line}`),
    ].map(safe),
  );
}
