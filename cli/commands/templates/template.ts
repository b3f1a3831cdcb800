import type { Command } from 'commander';
import { connect, resolveId } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { formatFields, shortDigest, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';
import { registerTemplatePreview } from './preview.ts';

/** `gantry template …` */
export function register(command: Command): void {
  describe(
    command
      .command('create <name>')
      .description('create a template, a set of modules that machines are built from')
      .requiredOption('--platform <platform>', 'such as ubuntu-24.04-amd64'),
    { examples: ['gantry template create web --platform ubuntu-24.04-amd64'], action: create },
  );

  describe(command.command('list').description('list templates'), {
    examples: ['gantry template list'],
    action: list,
  });
  describe(
    command
      .command('show <template>')
      .description('show a template, its assignments and compositions'),
    {
      examples: ['gantry template show web'],
      action: show,
    },
  );

  registerTemplatePreview(command);
}

async function create(name: string, flags: Flags & { platform: string }): Promise<ExitCode> {
  const { client, answers } = await connect();
  const answer = await client.send(answers.newTemplate, 'POST', '/templates', {
    name,
    platform: flags.platform,
  });

  print(flags.json, answer, () => `created template ${name} as ${answer.template.id}`);
  return 0;
}

async function list(flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const templates = await client.all(answers.templates, 'templates', '/templates');

  print(flags.json, { templates }, () =>
    table(
      ['ID', 'NAME', 'PLATFORM', 'REVISION'],
      templates.map(({ id, name, platform, revision }) => [id, name, platform, revision]),
      'The account has no templates.',
    ),
  );

  return 0;
}

async function show(template: string, flags: Flags): Promise<ExitCode> {
  const api = await connect();
  const id = await resolveId(api, 'templates', template);
  const answer = await api.client.get(api.answers.template, `/templates/${encodeURIComponent(id)}`);

  print(flags.json, answer, () => {
    const { name, platform, revision } = answer.template;
    const compositions = answer.compositions.map(
      ({ track, digest }) => [`composition (${track})`, shortDigest(digest)] as [string, string],
    );
    const failures = answer.composition_failures.map(
      ({ track, code, message, since }) =>
        [`not composed (${track})`, `since ${since}: ${code}: ${message}`] as [string, string],
    );

    const head = formatFields([
      ['id', id],
      ['name', name],
      ['platform', platform],
      ['revision', revision],
      ...compositions,
      ...failures,
    ]);

    const assignments = table(
      ['ASSIGNMENT', 'MODULE', 'CONSTRAINT', 'PRIORITY'],
      answer.assignments.map((row) => [
        row.id,
        row.module,
        row.constraint ?? '*',
        row.effective_priority,
      ]),
      'The template has no modules.',
    );

    return `${head}\n\n${assignments}`;
  });

  return 0;
}
