import type { Command } from 'commander';
import { tracks } from '../../../shared/domain/templates/index.ts';
import { connect, idOf } from '../../client/api.ts';
import {
  awaitOperation,
  changeRefused,
  type WaitFlags,
  waits,
} from '../../client/await-operation.ts';
import { describe, type Flags, metadataOf, oneOf, several } from '../../command.ts';
import { type Row, signed } from '../../output/preview-rows.ts';
import { previewText } from '../../output/preview-text.ts';
import { facts, shortDigest, state, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface InstanceFlags {
  track?: string;
  set?: string[];
  cluster?: string[];
}

/** `gantry instance …` */
export function register(command: Command): void {
  describe(
    fields(
      command
        .command('create <name>')
        .description('make an instance of a template; its join token is printed once')
        .requiredOption('--template <template>', 'id or name'),
    ),
    { example: 'gantry instance create web-1 --template web --set hostname=web-1', action: create },
  );
  describe(command.command('list').description('list instances'), {
    example: 'gantry instance list',
    action: list,
  });
  describe(
    command
      .command('show <instance>')
      .description('show an instance: what it should run, what it runs'),
    {
      example: 'gantry instance show web-1',
      action: show,
    },
  );
  describe(
    command
      .command('join-token <instance>')
      .description('make a new join token; the one before it ends'),
    {
      example: 'gantry instance join-token web-1',
      action: joinToken,
    },
  );
  describe(
    command
      .command('decommission <instance>')
      .description('end an instance for good; its agent wipes its key and secrets within the hour'),
    { example: 'gantry instance decommission web-1', action: decommission },
  );
  const updating = command
    .command('update <instance>')
    .description('change metadata, track or clusters');
  const dryRun = 'show what would change on the machine, without asking for it';
  describe(fields(waits(updating)).option('--dry-run', dryRun), {
    example: 'gantry instance update web-1 --track staging',
    no: changeRefused,
    action: update,
  });
}

function fields(command: Command): Command {
  return command
    .addOption(oneOf('--track <track>', tracks, 'which versions it gets'))
    .option('--set <key=value>', 'all its metadata; several times', several)
    .option('--cluster <name>', 'all groups that it belongs to; several times', several);
}

function bodyOf({ track, set, cluster }: InstanceFlags) {
  return { track, metadata: set === undefined ? undefined : metadataOf(set), clusters: cluster };
}

async function create(
  name: string,
  flags: Flags & InstanceFlags & { template: string },
): Promise<ExitCode> {
  const api = await connect();
  const template_id = await idOf(api, 'templates', flags.template);
  const body = { name, template_id, ...bodyOf(flags) };
  const answer = await api.client.send(api.answers.newInstance, 'POST', '/instances', body);
  print(flags.json, answer, () => {
    const made = `made instance ${name} as ${answer.instance.id}; its join token, good once and for 24 h:`;
    return [made, answer.join_token, ...missingLines(answer.keys_missing)].join('\n');
  });
  return 0;
}

function missingLines(keys: { key: string; file: string; module: string }[]): string[] {
  if (keys.length === 0) return [];
  const rows = keys.map(
    ({ key, file, module }): Row => ['!', key, `${file} of ${module} asks for it`],
  );
  return [
    '',
    'It has no desired state until its metadata has what is missing (gantry instance update):',
    ...signed(rows),
  ];
}

async function list(flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const instances = await client.all(answers.instances, 'instances', '/instances');
  print(flags.json, { instances }, () =>
    table(
      ['ID', 'NAME', 'STATE', 'TRACK', 'DRIFT', 'REPORTED'],
      instances.map((row) => [
        row.id,
        row.name,
        state(row.state),
        row.track,
        row.drift ? 'yes' : 'no',
        row.report?.at ?? null,
      ]),
      'The account has no instances.',
    ),
  );
  return 0;
}

async function show(instance: string, flags: Flags): Promise<ExitCode> {
  const api = await connect();
  const id = await idOf(api, 'instances', instance);
  const answer = await api.client.get(api.answers.instance, `/instances/${encodeURIComponent(id)}`);
  print(flags.json, answer, () => {
    const row = answer.instance;
    const head = facts([
      ['id', row.id],
      ['name', row.name],
      ['template', row.template_id],
      ['track', row.track],
      ['state', state(row.state)],
      ['clusters', row.clusters.join(', ') || null],
      ['metadata', JSON.stringify(row.metadata)],
      ['desired state', `version ${row.desired_version}, ${shortDigest(row.desired_composition)}`],
      [
        'desired error',
        row.desired_error === null
          ? null
          : `${row.desired_error.code}: ${row.desired_error.message}`,
      ],
      [
        'last report',
        row.report === null ? null : `${row.report.status}, ${row.report.health}, ${row.report.at}`,
      ],
      ['drift', row.drift],
    ]);
    const names = [
      ...new Set([...Object.keys(row.desired_modules), ...Object.keys(row.running_module_digests)]),
    ].sort();
    const modules = table(
      ['MODULE', 'DESIRED', 'RUNNING'],
      names.map((name) => [
        name,
        shortDigest(row.desired_modules[name] ?? null),
        shortDigest(row.running_module_digests[name] ?? null),
      ]),
      'It runs no module and is to run none.',
    );
    return `${head}\n\n${modules}`;
  });
  return 0;
}

async function joinToken(instance: string, flags: Flags): Promise<ExitCode> {
  const api = await connect();
  const id = await idOf(api, 'instances', instance);
  const answer = await api.client.send(
    api.answers.joinToken,
    'POST',
    `/instances/${encodeURIComponent(id)}/join-token`,
  );
  print(flags.json, answer, () => answer.join_token);
  return 0;
}

async function decommission(instance: string, flags: Flags): Promise<ExitCode> {
  const api = await connect();
  const id = await idOf(api, 'instances', instance);
  const path = `/instances/${encodeURIComponent(id)}/decommission`;
  const answer = await api.client.send(api.answers.instance, 'POST', path);
  print(
    flags.json,
    answer,
    () =>
      `decommissioned ${answer.instance.name} (${id}); its agent learns it with its next call, within the hour`,
  );
  return 0;
}

async function update(
  instance: string,
  flags: WaitFlags & InstanceFlags & { dryRun?: true },
): Promise<ExitCode> {
  const api = await connect();
  const id = await idOf(api, 'instances', instance);
  const path = `/instances/${encodeURIComponent(id)}`;
  if (flags.dryRun) {
    const answer = await api.client.send(
      api.answers.preview,
      'POST',
      `${path}/preview`,
      bodyOf(flags),
    );
    print(flags.json, answer, () => previewText(answer));
    return 0;
  }
  const { operation } = await api.client.send(api.answers.operation, 'PATCH', path, bodyOf(flags));
  return awaitOperation(api, operation, flags);
}
