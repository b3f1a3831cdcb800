import type { z } from 'zod';
import type { previewAnswer } from '../../shared/contract/preview/index.ts';
import { shownPath } from '../../shared/domain/files/index.ts';
import { colors } from './colors.ts';
import { formatInstances } from './preview-instances.ts';
import { diffMetadata, formatSignedRows, type Row } from './preview-rows.ts';

type Answer = z.output<typeof previewAnswer>;
type Preview = Answer['preview'];

/**
 * Formats a preview as a diff, one line for each fact: `+` added, `-` removed, `~` changed, `!`
 * dropped, `>` shadowed, `^` carved out.
 */
export function formatPreview({ preview, metadata, instances, warnings, bounds }: Answer): string {
  const { modules, packages } = preview;
  const sections: [string, string[]][] = [
    ['Modules', formatSignedRows(modules.map(moduleRow))],
    [
      'Packages',
      formatSignedRows([
        ...packages.added.map((one): Row => ['+', one.package, one.modules.join(', ')]),
        ...packages.removed.map((one): Row => ['-', one.package, one.modules.join(', ')]),
      ]),
    ],
    ['On machines', formatSignedRows(preview.effects.map(effectRow))],
    ['Services', formatSignedRows(preview.services.map(serviceRow))],
    ['Metadata', formatSignedRows(metadata.flatMap((one) => diffMetadata(one, one.module)))],
    [
      'Files',
      [
        ...formatSignedRows(fileRows(preview)),
        ...formatSignedRows(decisionRows(preview)),
        ...formatTruncated(preview, bounds),
      ],
    ],
    ['Machines', formatInstances(instances, bounds)],
    ['Warnings', formatSignedRows(warnings.map((one): Row => ['!', one, '']))],
  ];

  const shown = sections
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => `${colors.bold(title)}\n${rows.join('\n')}`);
  return [...shown, formatSummary(preview, instances, metadata)].join('\n\n');
}

function moduleRow({ module, before, after }: Preview['modules'][number]): Row {
  if (before === null) return ['+', module, `${after?.version} (priority ${after?.priority})`];
  if (after === null) return ['-', module, before.version];

  const changes = [
    before.version === after.version ? [] : `${before.version} → ${after.version}`,
    before.version === after.version && before.layer_digest !== after.layer_digest
      ? `different build of ${after.version}`
      : [],
    before.priority === after.priority ? [] : `priority ${before.priority} → ${after.priority}`,
  ].flat();

  return ['~', module, changes.join(', ')];
}

function effectRow({ module, name, was, now }: Preview['effects'][number]): Row {
  if (was === null) return ['+', `${module}: ${name}`, now ?? ''];
  if (now === null) return ['-', `${module}: ${name}`, was];
  return ['~', `${module}: ${name}`, `${was} → ${now}`];
}

function serviceRow({ unit, module, what, reboot_required }: Preview['services'][number]): Row {
  const sign = { added: '+', removed: '-', changed: '~' } as const;
  const does = { added: 'starts', removed: 'stops', changed: 'restarts' };
  const when = reboot_required && what !== 'removed' ? ' at the next boot' : '';
  return [sign[what], unit, `${does[what]}${when}, of ${module}`];
}

function fileRows({ added, removed, changed }: Preview): Row[] {
  const rows = [
    ...added.map(({ path, type, by }): Row => ['+', formatPath(path, type), by]),
    ...removed.map(({ path, type, from }): Row => ['-', formatPath(path, type), from]),
    ...changed.map(
      (one): Row => ['~', formatPath(one.path, one.after.type), formatDifference(one)],
    ),
  ];
  // Sort by path to keep the changes of a directory together.
  return rows.sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function formatPath(path: string, type: string): string {
  return shownPath(type === 'directory' && path !== '/' ? `${path}/` : path);
}

function formatDifference({ what, before, after }: Preview['changed'][number]): string {
  const words: Record<string, string> = {
    type: `${before.type} → ${after.type}`,
    mode: `mode ${formatMode(before.mode)} → ${formatMode(after.mode)}`,
    owner: `owner ${before.uid}:${before.gid} → ${after.uid}:${after.gid}`,
    module: `${before.by} → ${after.by}`,
  };

  const whose = what.includes('module') ? [] : [`(${after.by})`];
  return [what.map((one) => words[one] ?? one).join(', '), ...whose].join(' ');
}

function formatMode(mode: number): string {
  return `0${(mode & 0o7777).toString(8).padStart(3, '0')}`;
}

function decisionRows({ dropped, shadowed, carved_out }: Preview): Row[] {
  return [
    ...dropped.now.map(
      (d): Row => [
        '!',
        shownPath(d.path),
        `file of ${d.from} dropped, protected by ${d.because_of}`,
      ],
    ),
    ...dropped.no_longer.map(
      (d): Row => [
        '!',
        shownPath(d.path),
        `file of ${d.from} no longer dropped by ${d.because_of}`,
      ],
    ),
    ...shadowed.now.map(
      (s): Row => ['>', shownPath(s.path), `file of ${s.from} shadowed by ${s.by}`],
    ),
    ...shadowed.no_longer.map(
      (s): Row => ['>', shownPath(s.path), `file of ${s.from} no longer shadowed by ${s.by}`],
    ),
    ...carved_out.now.map(
      (c): Row => ['^', shownPath(c.path), `carved out of the protection of ${c.from} by ${c.by}`],
    ),
    ...carved_out.no_longer.map(
      (c): Row => [
        '^',
        shownPath(c.path),
        `no longer carved out of the protection of ${c.from} by ${c.by}`,
      ],
    ),
  ];
}

function formatTruncated(preview: Preview, { list_rows }: Answer['bounds']): string[] {
  const { counts } = preview;
  const shown = {
    packages_added: preview.packages.added.length,
    packages_removed: preview.packages.removed.length,
    effects: preview.effects.length,
    services: preview.services.length,
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
    colors.dim(`  (a list shows at most ${list_rows} rows; the counts below are complete)`),
  ];
}

function formatSummary(
  { counts, modules, packages }: Preview,
  { changed: machines }: Answer['instances'],
  metadata: Answer['metadata'],
): string {
  const { added, removed, changed, dropped, shadowed, carved_out, times } = counts;
  const files = added + removed + changed + dropped + shadowed + carved_out;

  if (files + modules.length + packages.added.length + packages.removed.length + times === 0) {
    if (machines.length > 0) return 'The root file system image does not change.';
    return metadata.length > 0
      ? 'Only metadata changes in the root file system.'
      : 'Nothing changes in the root file system.';
  }

  if (files + times === 0) return 'No path changes in the root file system.';

  const decided =
    dropped + shadowed + carved_out === 0
      ? ''
      : `; ${dropped} dropped, ${shadowed} shadowed, ${carved_out} carved out`;
  const dates = times === 0 ? '' : `; ${times} more change only in time`;

  return `Paths: ${added} added, ${removed} removed, ${changed} changed${decided}${dates}.`;
}
