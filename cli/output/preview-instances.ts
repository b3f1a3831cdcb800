import type { z } from 'zod';
import type { previewAnswer } from '../../shared/contract/preview/index.ts';
import { shownPath } from '../../shared/domain/files/index.ts';
import { colors } from './colors.ts';
import { colorLine, diffMetadata, formatSignedRows } from './preview-rows.ts';
import { safe } from './table.ts';

type Answer = z.output<typeof previewAnswer>;
type Instance = Answer['instances']['changed'][number];
type File = Instance['files'][number];

const signs: Record<File['what'], string> = { added: '+', removed: '-', changed: '~' };

/** Formats the changes of single machines: metadata, rendered files with their diff, and errors. */
export function formatInstances(
  { changed, more }: Answer['instances'],
  bounds: Answer['bounds'],
): string[] {
  const lines = changed.flatMap(formatInstance);
  if (!more) return lines;

  return [
    ...lines,
    colors.dim(`  (only the first ${bounds.instances} machines of the track were checked)`),
  ];
}

function formatInstance({ name, metadata, files, files_changed, error }: Instance): string[] {
  const left = files_changed - files.length;
  return [
    ...(metadata === null ? [] : formatSignedRows(diffMetadata(metadata, name))),
    ...files.flatMap((file) => formatFile(file, name)),
    ...(left === 0 ? [] : [colors.dim(`  … ${left} more files of ${safe(name)}`)]),
    ...(error === null
      ? []
      : formatSignedRows([['!', name, `${consequence(error)}: ${error.message} (${error.code})`]])),
  ];
}

function consequence({ refuses }: NonNullable<Instance['error']>): string {
  return refuses ? 'this change would be refused' : 'the machine keeps its desired state';
}

function formatFile({ path, what, module, keys, diff, more_lines }: File, name: string): string[] {
  const by = keys.length === 0 ? '' : `, by ${keys.join(', ')}`;
  return [
    ...formatSignedRows([[signs[what], shownPath(path), `${name}, from ${module}${by}`]]),
    ...(diff ?? []).map((line) => colorLine(line[0] ?? ' ', `      ${safe(line)}`)),
    ...(more_lines === 0 ? [] : [colors.dim(`      … ${more_lines} more lines`)]),
  ];
}
