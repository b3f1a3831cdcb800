import type { Command } from 'commander';
import type { z } from 'zod';
import { GantryError } from '../../../shared/base/error.ts';
import type { explainAnswer } from '../../../shared/contract/modules/index.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { colors } from '../../output/colors.ts';
import { formatSignatures } from '../../output/signature-rows.ts';
import { colorState, formatFields, safe } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module why` */
export function registerModuleWhy(module: Command): void {
  describe(
    module
      .command('why <ref>')
      .description(
        'explain the state of an artifact: <name>:<tag>, <name>@<version>, <name>@<digest> or <name>@<id>',
      ),
    {
      examples: ['gantry module why my-redis:v0.1.0'],
      no: 'the artifact is not a version, or something is wrong with it',
      action: why,
    },
  );
}

async function why(ref: string, flags: Flags): Promise<ExitCode> {
  const [, name, within] = /^([^:@/]+)[:@](.+)$/.exec(ref) ?? [];
  if (name === undefined || within === undefined) {
    throw new GantryError(
      'usage',
      `expected <name>:<tag>, <name>@<version> or <name>@<digest>, found "${ref}"`,
    );
  }

  const { client, responses } = await connect();
  const response = await client.get(
    responses.explanation,
    `/modules/${encodeURIComponent(name)}/why`,
    {
      ref: within,
    },
  );

  print(flags.json, response, () => explain(ref, response));
  return response.version === null || response.reason.code !== null ? 1 : 0;
}

function explain(
  ref: string,
  { version, candidate, poll, reason }: z.infer<typeof explainAnswer>,
): string {
  const mark = version !== null && reason.code === null ? colors.green('✓') : colors.red('✗');
  const code = reason.code === null ? '' : ` (${reason.code})`;
  const head = `${mark} ${safe(ref)}: ${safe(reason.message)}${code}`;
  const cure = reason.cure === null ? [] : [`  to fix: ${reason.cure}`];
  const artifact = version ?? candidate;
  if (artifact === null) {
    return [head, ...cure, indentRows([['next poll', poll?.next_poll_at ?? null]])].join('\n');
  }

  const asked: [string, string | number | null][] =
    version !== null || candidate === null
      ? []
      : [
          ['attempts', candidate.attempts],
          ['next attempt', candidate.next_verify_at ?? 'none; request one with gantry module poll'],
        ];

  const rows = indentRows([
    ['state', colorState(version?.promotion_state ?? candidate?.state ?? '')],
    ['version', artifact.version_string],
    ['digest', artifact.digest],
    ['tags', artifact.tags.join(', ') || null],
    ...asked,
  ]);

  const signatures = formatSignatures(artifact.signatures);
  const none =
    artifact === candidate && candidate.state === 'found' ? ': not checked yet' : ': none found';

  return [
    head,
    ...cure,
    rows,
    `  signatures${signatures.length === 0 ? none : ''}`,
    ...signatures,
  ].join('\n');
}

function indentRows(rows: [string, string | number | null][]): string {
  return formatFields(rows).replace(/^/gm, '  ');
}
