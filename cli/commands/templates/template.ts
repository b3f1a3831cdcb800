import type { Command } from 'commander';
import { connect, idOf } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { facts, shortDigest, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';
import { registerTemplatePreview } from './preview.ts';

/** `gantry template …` */
export function register(command: Command): void {
  describe(
    command
      .command('create <name>')
      .description('make a template: the set of modules that machines are built from')
      .requiredOption('--platform <platform>', 'such as ubuntu-24.04-amd64'),
    { example: 'gantry template create web --platform ubuntu-24.04-amd64', action: create },
  );
  describe(command.command('list').description('list templates'), {
    example: 'gantry template list',
    action: list,
  });
  describe(
    command
      .command('show <template>')
      .description('show a template, its assignments and compositions'),
    {
      example: 'gantry template show web',
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
  print(flags.json, answer, () => `made template ${name} as ${answer.template.id}`);
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
  const id = await idOf(api, 'templates', template);
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
    const head = facts([
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
      'No module is assigned to it.',
    );
    return `${head}\n\n${assignments}`;
  });
  return 0;
}
