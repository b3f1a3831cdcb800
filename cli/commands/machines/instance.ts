import type { Command } from 'commander';
import type { z } from 'zod';
import { instanceFilters } from '../../../shared/domain/machines/index.ts';
import { tracks } from '../../../shared/domain/templates/index.ts';
import { type Api, connect, resolveId } from '../../client/api.ts';
import {
  addWaitOptions,
  awaitOperation,
  changeRefused,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { addEventOptions, type EventFlags, showEvents } from '../../client/events.ts';
import type { responses } from '../../client/response-schemas.ts';
import { choiceOption, collect, describe, type Flags, parseMetadata } from '../../command.ts';
import { addYes, type ConfirmFlags, confirm } from '../../input/confirm.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import {
  addCluster,
  addMergeOptions,
  type MetadataFlags,
  mergeClusters,
  metadataPatch,
  removeCluster,
} from '../../input/merge.ts';
import { formatModules } from '../../output/machines.ts';
import { formatSignedRows, type Row } from '../../output/preview-rows.ts';
import { formatPreview } from '../../output/preview-text.ts';
import { colorState, formatFields, shortDigest, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface InstanceFlags {
  track?: string;
  set?: string[];
  cluster?: string[];
}

interface UpdateFlags extends WaitFlags, MetadataFlags {
  track?: string;
  /** Clusters to add and to remove, in order. */
  cluster?: string[];
  dryRun?: true;
}

/** `gantry instance …` */
export function register(command: Command): void {
  describe(
    fields(
      command
        .command('create <name>')
        .description(
          'create an instance, the record of a machine; its join token is shown only once',
        )
        .requiredOption('--template <template>', 'template id or name'),
    ),
    {
      examples: ['gantry instance create web-1 --template web --set hostname=web-1'],
      action: create,
    },
  );

  describe(addFilters(command.command('list').description('list instances'), instanceFilters), {
    examples: ['gantry instance list', 'gantry instance list --template web --health degraded'],
    action: list,
  });
  describe(
    command
      .command('show <instance>')
      .description('show an instance, its desired state and what it runs'),
    {
      examples: ['gantry instance show web-1'],
      action: show,
    },
  );

  describe(
    command
      .command('join-token <instance>')
      .description('create a new join token; the old one becomes invalid'),
    {
      examples: ['gantry instance join-token web-1'],
      action: joinToken,
    },
  );

  describe(
    addYes(
      command
        .command('decommission <instance>')
        .description(
          'remove a machine permanently; its agent deletes its key and secrets within an hour',
        ),
    ),
    { examples: ['gantry instance decommission web-1 --yes'], action: decommission },
  );

  describe(
    addWaitOptions(
      command.command('rename <instance> <name>').description('rename an instance; its id stays'),
    ),
    { examples: ['gantry instance rename web-1 web-eu-1'], no: changeRefused, action: rename },
  );

  describe(
    addEventOptions(
      command
        .command('history <instance>')
        .description('list what happened to an instance, and who did it'),
    ),
    {
      examples: ['gantry instance history web-1 --since 7d'],
      action: (instance: string, flags: EventFlags) =>
        showEvents(flags, async (api) => `instance/${await resolveId(api, 'instances', instance)}`),
    },
  );

  const updating = command
    .command('update <instance>')
    .description('change the metadata, track or clusters of an instance');
  const dryRun = 'show what would change on the machine, without changing it';

  describe(mergeFields(addWaitOptions(updating)).option('--dry-run', dryRun), {
    examples: [
      'gantry instance update web-1 --track staging',
      'gantry instance update web-1 --set region=eu-west-1 --unset port --cluster tokyo',
    ],
    notes: 'Metadata keys and clusters that the command does not name stay, except with --replace.',
    no: changeRefused,
    action: update,
  });
}

function fields(command: Command): Command {
  return command
    .addOption(choiceOption('--track <track>', tracks, 'which versions the machine gets'))
    .option('--set <key=value>', 'metadata (repeatable)', collect)
    .option('--cluster <name>', 'cluster (repeatable)', collect);
}

function mergeFields(command: Command): Command {
  return addMergeOptions(
    command.addOption(choiceOption('--track <track>', tracks, 'which versions the machine gets')),
  )
    .option('--cluster <name>', 'add to a cluster; the others stay (repeatable)', addCluster)
    .option('--no-cluster <name>', 'remove from a cluster (repeatable)', removeCluster);
}

function bodyOf({ track, set, cluster }: InstanceFlags) {
  return { track, metadata: set === undefined ? undefined : parseMetadata(set), clusters: cluster };
}

async function create(
  name: string,
  flags: Flags & InstanceFlags & { template: string },
): Promise<ExitCode> {
  const api = await connect();
  const template_id = await resolveId(api, 'templates', flags.template);
  const body = { name, template_id, ...bodyOf(flags) };
  const response = await api.client.send(api.responses.newInstance, 'POST', '/instances', body);

  print(flags.json, response, () => {
    const made = `created instance ${name} as ${response.instance.id}\njoin token, works once within 24 hours:`;
    return [made, response.join_token, ...missingLines(response.keys_missing)].join('\n');
  });

  return 0;
}

function missingLines(keys: { key: string; file: string; module: string }[]): string[] {
  if (keys.length === 0) return [];
  const rows = keys.map(({ key, file, module }): Row => ['!', key, `used by ${file} of ${module}`]);

  return [
    '',
    'Not deployable yet. Set the missing metadata with `gantry instance update`:',
    ...formatSignedRows(rows),
  ];
}

async function list(flags: Flags & FilterFlags & { template?: string }): Promise<ExitCode> {
  const api = await connect();
  const { client, responses } = api;
  const { template } = flags;
  const id = template === undefined ? template : await resolveId(api, 'templates', template);
  const instances = await client.all(responses.instances, 'instances', '/instances', {
    ...filterQuery(instanceFilters, flags),
    template: id,
  });

  const names = flags.json ? new Map<string, string>() : await templateNames(api);
  print(flags.json, { instances }, () =>
    table(
      ['ID', 'NAME', 'TEMPLATE', 'TRACK', 'CLUSTERS', 'STATE', 'STANDING', 'HEALTH', 'REPORTED'],
      instances.map((row) => [
        row.id,
        row.name,
        names.get(row.template_id) ?? row.template_id,
        row.track,
        row.clusters.join(', ') || null,
        colorState(row.state),
        row.standing,
        row.report?.health ?? null,
        row.report?.at ?? null,
      ]),
      'There are no such instances.',
    ),
  );

  return 0;
}

/** The names of templates by their ids. */
async function templateNames({ client, responses }: Api): Promise<ReadonlyMap<string, string>> {
  const templates = await client.all(responses.templates, 'templates', '/templates');
  return new Map(templates.map(({ id, name }) => [id, name]));
}

async function show(instance: string, flags: Flags): Promise<ExitCode> {
  const api = await connect();
  const { client, responses } = api;
  const path = `/instances/${encodeURIComponent(await resolveId(api, 'instances', instance))}`;
  const response = await client.get(responses.instance, path);
  if (flags.json) {
    print(true, response, () => '');
    return 0;
  }

  const [{ modules }, names] = await Promise.all([
    client.get(responses.drift, `${path}/drift`),
    templateNames(api),
  ]);
  const { template_id } = response.instance;
  const head = formatInstance(response.instance, names.get(template_id) ?? template_id);
  print(false, response, () => `${head}\n\n${formatModules(modules)}`);
  return 0;
}

function formatInstance(
  row: z.output<(typeof responses)['instance']>['instance'],
  template: string,
): string {
  const { desired_error: error, report } = row;
  return formatFields([
    ['id', row.id],
    ['name', row.name],
    ['template', template],
    ['track', row.track],
    ['state', colorState(row.state)],
    ['clusters', row.clusters.join(', ') || null],
    ['metadata', JSON.stringify(row.metadata)],
    ['desired state', `version ${row.desired_version}, ${shortDigest(row.desired_composition)}`],
    [
      'desired error',
      error === null ? null : `${error.code} since ${error.since}: ${error.message}`,
    ],
    ['last report', report === null ? null : `${report.status}, ${report.health}`],
    ['reported', report?.at ?? null],
    ['standing', row.standing],
    ['sealing key', row.sealing_key],
  ]);
}

async function joinToken(instance: string, flags: Flags): Promise<ExitCode> {
  const api = await connect();
  const id = await resolveId(api, 'instances', instance);

  const response = await api.client.send(
    api.responses.joinToken,
    'POST',
    `/instances/${encodeURIComponent(id)}/join-token`,
  );

  print(flags.json, response, () => response.join_token);
  return 0;
}

async function decommission(instance: string, flags: Flags & ConfirmFlags): Promise<ExitCode> {
  await confirm(`decommission ${instance}`, flags);
  const api = await connect();
  const id = await resolveId(api, 'instances', instance);
  const path = `/instances/${encodeURIComponent(id)}/decommission`;
  const response = await api.client.send(api.responses.instance, 'POST', path);

  print(
    flags.json,
    response,
    () => `decommissioned ${response.instance.name} (${id}); its agent stops within an hour`,
  );

  return 0;
}

async function rename(instance: string, name: string, flags: WaitFlags): Promise<ExitCode> {
  const api = await connect();
  const path = `/instances/${encodeURIComponent(await resolveId(api, 'instances', instance))}`;
  const { operation } = await api.client.send(api.responses.operation, 'PATCH', path, { name });
  return awaitOperation(api, operation, flags);
}

async function update(instance: string, flags: UpdateFlags): Promise<ExitCode> {
  const api = await connect();
  const id = await resolveId(api, 'instances', instance);
  const path = `/instances/${encodeURIComponent(id)}`;
  const { instance: present } = await api.client.get(api.responses.instance, path);
  const body = {
    track: flags.track,
    metadata: metadataPatch(flags),
    clusters: mergeClusters(present.clusters, flags.cluster, flags.replace),
  };

  const send = flags.replace ? api.client.send : api.client.merge;

  if (flags.dryRun) {
    const response = await send(api.responses.preview, 'POST', `${path}/preview`, body);

    print(flags.json, response, () => formatPreview(response));
    return 0;
  }

  const { operation } = await send(api.responses.operation, 'PATCH', path, body);
  return awaitOperation(api, operation, flags);
}
