import type { Command } from 'commander';
import type { z } from 'zod';
import { shownPath } from '../../../shared/domain/files/index.ts';
import { connect } from '../../client/api.ts';
import { resolveVersionId } from '../../client/modules.ts';
import type { responses } from '../../client/response-schemas.ts';
import { describe, type Flags } from '../../command.ts';
import { formatSignedRows, type Row } from '../../output/preview-rows.ts';
import { formatFields } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module diff` */
export function registerModuleDiff(module: Command): void {
  describe(
    module
      .command('diff <from> <to>')
      .description('compare two versions of a module: files, packages, manifest and sizes')
      .option('--platform <platform>', 'builds to compare (default: the first that both have)'),
    {
      examples: ['gantry module diff my-redis@1.0.0 my-redis@1.1.0'],
      no: 'the versions differ',
      action: diff,
    },
  );
}

async function diff(
  from: string,
  to: string,
  flags: Flags & { platform?: string },
): Promise<ExitCode> {
  const api = await connect();
  const [old, fresh] = [await resolveVersionId(api, from), await resolveVersionId(api, to)];
  const path = `/versions/${encodeURIComponent(old)}/diff/${encodeURIComponent(fresh)}`;
  const response = await api.client.get(api.responses.versionDiff, path, {
    platform: flags.platform,
  });

  print(flags.json, response, () => formatDifference(response));
  return differs(response) ? 1 : 0;
}

type Difference = z.output<(typeof responses)['versionDiff']>;
type Entry = Difference['files']['added'][number];

function differs({ counts, packages, manifest }: Difference): boolean {
  return (
    Object.values(counts).some((count) => count > 0) ||
    packages.added.length + packages.removed.length > 0 ||
    packages.changed.length + manifest.length > 0
  );
}

/** Formats a difference, one line for each fact: `+` added, `-` removed, `~` changed. */
export function formatDifference(difference: Difference): string {
  const { module, from, to, platform, files, counts, packages, manifest } = difference;
  const head = formatFields([
    ['module', module],
    ['from', `${from.version} (${from.promotion_state}) ${from.digest}`],
    ['to', `${to.version} (${to.promotion_state}) ${to.digest}`],
    ['build', platform],
    ['size', `${from.layer_size} → ${to.layer_size} bytes`],
  ]);

  const shownRows = files.added.length + files.removed.length + files.changed.length;
  const left = counts.added + counts.removed + counts.changed - shownRows;
  const sections: [string, string[]][] = [
    [
      'Manifest',
      formatSignedRows(
        manifest.map(({ field, was, now }): Row => ['~', field, `${was ?? '-'} → ${now ?? '-'}`]),
      ),
    ],
    [
      'Packages',
      formatSignedRows([
        ...packages.added.map(({ name, version }): Row => ['+', name, version ?? '']),
        ...packages.removed.map(({ name, version }): Row => ['-', name, version ?? '']),
        ...packages.changed.map(
          ({ name, was, now }): Row => ['~', name, `${was ?? '-'} → ${now ?? '-'}`],
        ),
      ]),
    ],
    [
      'Files',
      [
        ...formatSignedRows([
          ...files.added.map((one): Row => ['+', shownPath(one.path), factsOf(one)]),
          ...files.removed.map((one): Row => ['-', shownPath(one.path), factsOf(one)]),
          ...files.changed.map((one): Row => ['~', shownPath(one.path), changeOf(one)]),
        ]),
        ...(left === 0 ? [] : [`… ${left} more files`]),
      ],
    ],
  ];

  const found = sections.filter(([, rows]) => rows.length > 0);
  const text = found.map(([title, rows]) => `${title}\n${rows.join('\n')}`);
  return [head, ...(text.length === 0 ? ['The versions have the same content.'] : text)].join(
    '\n\n',
  );
}

function factsOf({ type, mode, uid, gid, size }: Entry): string {
  const facts = [type, mode.toString(8).padStart(4, '0'), `${uid}:${gid}`];
  return [...facts, ...(type === 'file' ? [`${size} bytes`] : [])].join(' ');
}

function changeOf({ what, before, after }: Difference['files']['changed'][number]): string {
  const details = what.map((fact) => {
    if (fact === 'mode') return `mode ${before.mode.toString(8)} → ${after.mode.toString(8)}`;
    if (fact === 'owner') return `owner ${before.uid}:${before.gid} → ${after.uid}:${after.gid}`;
    if (fact === 'type') return `type ${before.type} → ${after.type}`;
    return fact === 'content' ? `content ${before.size} → ${after.size} bytes` : fact;
  });
  return details.join(', ');
}
