import type { Command } from 'commander';
import type { z } from 'zod';
import { GantryError } from '../../../shared/base/error.ts';
import type { templateFile } from '../../../shared/contract/templates/index.ts';
import { tracks } from '../../../shared/domain/templates/index.ts';
import { connect, resolveId } from '../../client/api.ts';
import {
  addWaitOptions,
  awaitOperation,
  changeRefused,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { choiceOption, describe } from '../../command.ts';
import { readOptionFile } from '../../input/option-files.ts';
import { formatPreview } from '../../output/preview-text.ts';
import { type ExitCode, print } from '../../run.ts';

interface ApplyFlags extends WaitFlags {
  file: string;
  dryRun?: true;
  track: string;
}

/** `gantry template apply` */
export function registerTemplateApply(template: Command): void {
  const command = template
    .command('apply')
    .description('make the assignments of a template match a YAML file, by one operation')
    .requiredOption('-f, --file <file>', 'YAML file with `template` and `assignments`')
    .option('--dry-run', 'show what would change on machines, without requesting it')
    .addOption(choiceOption('--track <track>', tracks, 'track of --dry-run').default('live'));

  describe(addWaitOptions(command), {
    examples: ['gantry template apply -f web.yaml --dry-run', 'gantry template apply -f web.yaml'],
    notes: `The file lists all assignments; the others are removed:

  template: web
  assignments:
    - module: my-redis
      constraint: "^1.0"
      metadata: { listen: 0.0.0.0 }
    - module: powernode/nginx
      effective_priority: 95

Fields that are left out have their defaults. Where the assignments match the file, nothing is requested.`,
    no: changeRefused,
    action: apply,
  });
}

async function apply(flags: ApplyFlags): Promise<ExitCode> {
  const { template, assignments } = await parseTemplateFile(
    flags.file,
    await readOptionFile(flags.file, '--file'),
  );

  const api = await connect();
  const id = await resolveId(api, 'templates', template);
  const path = `/templates/${encodeURIComponent(id)}/assignments`;

  if (flags.dryRun) {
    const body = { assignments, track: flags.track };
    const url = `${path}/preview`;
    const response = await api.client.send(api.responses.previewAssignments, 'POST', url, body);
    print(flags.json, response, () =>
      response.changes.length === 0 ? nothing(template, flags.file) : formatPreview(response),
    );
    return 0;
  }

  const schema = api.responses.replacedAssignments;
  const { operation, ...more } = await api.client.send(schema, 'PUT', path, { assignments });
  if (operation !== null) return awaitOperation(api, operation, flags, more);

  print(flags.json, { operation, ...more }, () => nothing(template, flags.file));
  return 0;
}

function nothing(template: string, file: string): string {
  return `nothing to change: the assignments of ${template} match ${file}`;
}

/**
 * Parses the text of a template's file. Throws `invalid_request` with every problem: its place in
 * the text, or its key.
 */
export async function parseTemplateFile(
  file: string,
  text: string,
): Promise<z.output<typeof templateFile>> {
  const [{ parseDocument }, { templateFile: schema }, { issueSentence }] = await Promise.all([
    import('yaml'),
    import('../../../shared/contract/templates/index.ts'),
    import('../../../shared/base/issue-sentences.ts'),
  ]);

  const document = parseDocument(text);
  const syntax = document.errors.map(({ message }) => message.split('\n')[0]?.replace(/:$/, ''));
  if (syntax.length > 0) throw fileError(file, syntax.join('; '));

  const parsed = schema.safeParse(document.toJS(), { error: issueSentence });
  if (parsed.success) return parsed.data;

  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the document'}: ${message}`,
  );
  throw fileError(file, problems.join('; '));
}

function fileError(file: string, found: string): GantryError {
  return new GantryError(
    'invalid_request',
    `expected a template and its assignments in ${file}, found ${found}`,
    { field: '--file' },
  );
}
