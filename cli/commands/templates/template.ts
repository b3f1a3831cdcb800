import type { Command } from 'commander';
import type { Metadata } from '../../../shared/domain/templates/index.ts';
import { templateFilters } from '../../../shared/domain/templates/index.ts';
import { connect, resolveId } from '../../client/api.ts';
import { addEventOptions, type EventFlags, showEvents } from '../../client/events.ts';
import { describe, type Flags } from '../../command.ts';
import { addYes, type ConfirmFlags, confirm } from '../../input/confirm.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { formatFields, shortDigest, table } from '../../output/table.ts';
import { moduleNote } from '../../output/template-modules.ts';
import { type ExitCode, print } from '../../run.ts';
import { registerTemplateApply } from './apply.ts';
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

  describe(addFilters(command.command('list').description('list templates'), templateFilters), {
    examples: ['gantry template list', 'gantry template list --module my-redis'],
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

  describe(
    command
      .command('rename <template> <name>')
      .description('rename a template; its id, machines and modules stay'),
    { examples: ['gantry template rename web web-2027'], action: rename },
  );
  describe(
    addYes(
      command
        .command('delete <template>')
        .description('delete a template without machines and modules'),
    ),
    { examples: ['gantry template delete web --yes'], no: { 1: 'it is in use' }, action: remove },
  );

  describe(
    addEventOptions(
      command
        .command('history <template>')
        .description('list what happened to a template and its assignments, and who did it'),
    ),
    {
      examples: ['gantry template history web --since 7d'],
      action: (template: string, flags: EventFlags) =>
        showEvents(flags, async (api) => `template/${await resolveId(api, 'templates', template)}`),
    },
  );

  registerTemplateApply(command);
  registerTemplatePreview(command);
}

async function rename(template: string, name: string, flags: Flags): Promise<ExitCode> {
  const api = await connect();
  const path = `/templates/${encodeURIComponent(await resolveId(api, 'templates', template))}`;
  const response = await api.client.send(api.responses.newTemplate, 'PATCH', path, { name });
  print(flags.json, response, () => `renamed template ${template} to ${name}`);
  return 0;
}

async function remove(template: string, flags: Flags & ConfirmFlags): Promise<ExitCode> {
  await confirm(`delete template ${template}`, flags);
  const api = await connect();
  const id = await resolveId(api, 'templates', template);
  await api.client.send(api.responses.nothing, 'DELETE', `/templates/${encodeURIComponent(id)}`);
  print(flags.json, { deleted: id }, () => `deleted template ${template}`);
  return 0;
}

async function create(name: string, flags: Flags & { platform: string }): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.send(responses.newTemplate, 'POST', '/templates', {
    name,
    platform: flags.platform,
  });

  print(flags.json, response, () => `created template ${name} as ${response.template.id}`);
  return 0;
}

async function list(flags: Flags & FilterFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const templates = await client.all(
    responses.templates,
    'templates',
    '/templates',
    filterQuery(templateFilters, flags),
  );

  print(flags.json, { templates }, () =>
    table(
      ['ID', 'NAME', 'PLATFORM', 'REVISION'],
      templates.map(({ id, name, platform, revision }) => [id, name, platform, revision]),
      'There are no such templates.',
    ),
  );

  return 0;
}

async function show(template: string, flags: Flags): Promise<ExitCode> {
  const api = await connect();
  const id = await resolveId(api, 'templates', template);
  const response = await api.client.get(
    api.responses.template,
    `/templates/${encodeURIComponent(id)}`,
  );

  print(flags.json, response, () => {
    const { name, platform, revision } = response.template;
    const compositions = response.compositions.map(
      ({ track, digest }) => [`composition (${track})`, shortDigest(digest)] as [string, string],
    );
    const failures = response.composition_failures.map(
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
      ['ASSIGNMENT', 'MODULE', 'CONSTRAINT', 'PRIORITY', 'METADATA'],
      response.assignments.map((row) => [
        row.id,
        row.module,
        row.constraint ?? 'any',
        row.effective_priority,
        formatMetadata(row.metadata),
      ]),
      'The template has no modules.',
    );

    const modules = table(
      ['TRACK', 'MODULE', 'VERSION', 'NOTE'],
      response.modules.map((row) => [row.track, row.module, row.version, moduleNote(row)]),
      'No track is composed.',
    );

    return [head, assignments, modules].join('\n\n');
  });

  return 0;
}

function formatMetadata(metadata: Metadata): string | null {
  const pairs = Object.entries(metadata).map(([key, value]) => `${key}=${value}`);
  return pairs.join(', ') || null;
}
