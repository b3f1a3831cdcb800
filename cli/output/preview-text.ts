import type { z } from 'zod';
import type { previewAnswer } from '../../shared/contract/preview/index.ts';
import { shownPath } from '../../shared/domain/files/index.ts';
import { colors } from './colors.ts';
import { instanceLines } from './preview-instances.ts';
import { metadataRows, type Row, signed } from './preview-rows.ts';

type Answer = z.output<typeof previewAnswer>;
type Preview = Answer['preview'];

/**
 * A preview as a diff that people read at a glance, a line a fact: `+` comes, `-` goes, `~` changes, `!` is dropped,
 * `>` is shadowed, `^` is carved out.
 */
export function previewText({ preview, metadata, instances, warnings, bounds }: Answer): string {
  const { modules, packages } = preview;
  const sections: [string, string[]][] = [
    ['Modules', signed(modules.map(moduleRow))],
    [
      'Packages',
      signed([
        ...packages.added.map((one): Row => ['+', one.package, one.modules.join(', ')]),
        ...packages.removed.map((one): Row => ['-', one.package, one.modules.join(', ')]),
      ]),
    ],
    ['Metadata', signed(metadata.flatMap((one) => metadataRows(one, one.module)))],
    [
      'Files',
      [...signed(fileRows(preview)), ...signed(decidedRows(preview)), ...cutLines(preview, bounds)],
    ],
    ['Machines', instanceLines(instances, bounds)],
    ['Warnings', signed(warnings.map((one): Row => ['!', one, '']))],
  ];
  const told = sections
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => `${colors.bold(title)}\n${rows.join('\n')}`);
  return [...told, summary(preview, instances, metadata)].join('\n\n');
}

function moduleRow({ module, before, after }: Preview['modules'][number]): Row {
  if (before === null) return ['+', module, `${after?.version} (priority ${after?.priority})`];
  if (after === null) return ['-', module, before.version];
  const changes = [
    before.version === after.version ? [] : `${before.version} → ${after.version}`,
    before.version === after.version && before.layer_digest !== after.layer_digest
      ? `another build of ${after.version}`
      : [],
    before.priority === after.priority ? [] : `priority ${before.priority} → ${after.priority}`,
  ].flat();
  return ['~', module, changes.join(', ')];
}

function fileRows({ added, removed, changed }: Preview): Row[] {
  const rows = [
    ...added.map(({ path, type, by }): Row => ['+', named(path, type), by]),
    ...removed.map(({ path, type, from }): Row => ['-', named(path, type), from]),
    ...changed.map((one): Row => ['~', named(one.path, one.after.type), difference(one)]),
  ];
  // By path, so that what happens in one directory stands together.
  return rows.sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function named(path: string, type: string): string {
  return shownPath(type === 'directory' && path !== '/' ? `${path}/` : path);
}

function difference({ what, before, after }: Preview['changed'][number]): string {
  const told: Record<string, string> = {
    type: `${before.type} → ${after.type}`,
    mode: `mode ${octal(before.mode)} → ${octal(after.mode)}`,
    owner: `owner ${before.uid}:${before.gid} → ${after.uid}:${after.gid}`,
    module: `${before.by} → ${after.by}`,
  };
  const whose = what.includes('module') ? [] : [`(${after.by})`];
  return [what.map((one) => told[one] ?? one).join(', '), ...whose].join(' ');
}

function octal(mode: number): string {
  return `0${(mode & 0o7777).toString(8).padStart(3, '0')}`;
}

function decidedRows({ dropped, shadowed, carved_out }: Preview): Row[] {
  return [
    ...dropped.now.map(
      (d): Row => [
        '!',
        shownPath(d.path),
        `${d.from}'s is dropped by ${d.because_of}, which protects it`,
      ],
    ),
    ...dropped.no_longer.map(
      (d): Row => ['!', shownPath(d.path), `${d.from}'s is no longer dropped by ${d.because_of}`],
    ),
    ...shadowed.now.map((s): Row => ['>', shownPath(s.path), `${s.from}'s is shadowed by ${s.by}`]),
    ...shadowed.no_longer.map(
      (s): Row => ['>', shownPath(s.path), `${s.from}'s is no longer shadowed by ${s.by}`],
    ),
    ...carved_out.now.map(
      (c): Row => ['^', shownPath(c.path), `carved out of ${c.from}'s protection by ${c.by}`],
    ),
    ...carved_out.no_longer.map(
      (c): Row => [
        '^',
        shownPath(c.path),
        `no longer carved out of ${c.from}'s protection by ${c.by}`,
      ],
    ),
  ];
}

function cutLines(preview: Preview, { list_rows }: Answer['bounds']): string[] {
  const { counts } = preview;
  const shown = {
    packages_added: preview.packages.added.length,
    packages_removed: preview.packages.removed.length,
    added: preview.added.length,
    removed: preview.removed.length,
    changed: preview.changed.length,
    dropped: preview.dropped.now.length + preview.dropped.no_longer.length,
    shadowed: preview.shadowed.now.length + preview.shadowed.no_longer.length,
    carved_out: preview.carved_out.now.length + preview.carved_out.no_longer.length,
  };
  const lists = (Object.keys(shown) as (keyof typeof shown)[]).flatMap((list) =>
    counts[list] > shown[list]
      ? [colors.dim(`  … ${counts[list] - shown[list]} more ${list.replaceAll('_', ' ')}`)]
      : [],
  );
  if (lists.length === 0) return [];
  return [
    ...lists,
    colors.dim(`  (a list has ${list_rows} rows at most; the counts below are whole)`),
  ];
}

function summary(
  { counts, modules, packages }: Preview,
  { changed: machines }: Answer['instances'],
  metadata: Answer['metadata'],
): string {
  const { added, removed, changed, dropped, shadowed, carved_out, times } = counts;
  const files = added + removed + changed + dropped + shadowed + carved_out;
  if (files + modules.length + packages.added.length + packages.removed.length + times === 0) {
    if (machines.length > 0) return 'Nothing changes in the image of machines.';
    return metadata.length > 0
      ? 'Nothing but the metadata changes in the root of machines.'
      : 'Nothing changes in the root of machines.';
  }
  if (files + times === 0) return 'No path changes in the root of machines.';
  const decided =
    dropped + shadowed + carved_out === 0
      ? ''
      : `; ${dropped} dropped, ${shadowed} shadowed, ${carved_out} carved out`;
  const dates = times === 0 ? '' : `; of ${times} more only the time changes`;
  return `Paths: ${added} added, ${removed} removed, ${changed} changed${decided}${dates}.`;
}
