import type { z } from 'zod';
import type { previewAnswer } from '../../shared/contract/preview/index.ts';
import { shownPath } from '../../shared/domain/files/index.ts';
import { colors } from './colors.ts';
import { metadataRows, painted, signed } from './preview-rows.ts';
import { safe } from './table.ts';

type Answer = z.output<typeof previewAnswer>;
type Instance = Answer['instances']['changed'][number];
type File = Instance['files'][number];

const signs: Record<File['what'], string> = { added: '+', removed: '-', changed: '~' };

/** What differs on single machines: metadata, rendered files with the lines that differ, and what would be refused. */
export function instanceLines(
  { changed, more }: Answer['instances'],
  bounds: Answer['bounds'],
): string[] {
  const lines = changed.flatMap(linesOf);
  if (!more) return lines;
  return [
    ...lines,
    colors.dim(`  (the first ${bounds.instances} machines of the track were looked at)`),
  ];
}

function linesOf({ name, metadata, files, files_changed, error }: Instance): string[] {
  const left = files_changed - files.length;
  return [
    ...(metadata === null ? [] : signed(metadataRows(metadata, name))),
    ...files.flatMap((file) => fileLines(file, name)),
    ...(left === 0 ? [] : [colors.dim(`  … ${left} more files of ${safe(name)}`)]),
    ...(error === null
      ? []
      : signed([['!', name, `${consequence(error)}: ${error.message} (${error.code})`]])),
  ];
}

function consequence({ refuses }: NonNullable<Instance['error']>): string {
  return refuses ? 'this change would be refused' : 'keeps what it has';
}

function fileLines({ path, what, module, keys, diff, more_lines }: File, name: string): string[] {
  const by = keys.length === 0 ? '' : `, by ${keys.join(', ')}`;
  return [
    ...signed([[signs[what], shownPath(path), `${name}, from ${module}${by}`]]),
    ...(diff ?? []).map((line) => painted(line[0] ?? ' ', `      ${safe(line)}`)),
    ...(more_lines === 0 ? [] : [colors.dim(`      … ${more_lines} more lines`)]),
  ];
}
