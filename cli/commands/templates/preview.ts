import { type Command, InvalidArgumentError } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { promotionStates } from '../../../shared/domain/modules/index.ts';
import { tracks } from '../../../shared/domain/templates/index.ts';
import { type Api, connect, resolveId } from '../../client/api.ts';
import { resolveVersionId } from '../../client/modules.ts';
import { choiceOption, collect, describe, type Flags, parseMetadata } from '../../command.ts';
import { formatPreview } from '../../output/preview-text.ts';
import { type ExitCode, print } from '../../run.ts';

interface Reservation {
  module: string;
  pattern: string;
}

interface PreviewFlags extends Flags {
  assign?: string;
  remove?: string;
  promote?: string;
  to: string;
  withdraw?: true;
  priority?: { module: string; effective_priority: number | null };
  metadata?: string;
  reserve?: Reservation;
  revoke?: Reservation;
  set?: string[];
  track: string;
}

/** `gantry template preview` */
export function registerTemplatePreview(template: Command): void {
  const command = template
    .command('preview <template>')
    .description('show what a change would do to machines, without requesting it')
    .option('--assign <module>', 'assign <module> or <module>@<range>')
    .option('--remove <module>', 'remove a module')
    .option('--promote <version>', 'promote a version, by id or as <module>@<version>')
    .option('--withdraw', 'retire what no other version can replace, with --promote')
    .addOption(
      choiceOption('--to <state>', promotionStates, 'new state, with --promote').default('live'),
    )
    .option(
      '--priority <module=number>',
      'set the priority of a module; <module>= resets it',
      priorityOf,
    )
    .option('--metadata <module>', 'replace the metadata of a module with --set')
    .option(
      '--reserve <module=pattern>',
      'grant a reservation: a pattern of its protected_spec',
      reservationOf,
    )
    .option('--revoke <module=pattern>', 'revoke a reservation', reservationOf)
    .option('--set <key=value>', 'metadata for --assign or --metadata (repeatable)', collect)
    .addOption(choiceOption('--track <track>', tracks, 'track of the composition').default('live'));
  describe(command, {
    examples: ['gantry template preview web --assign my-redis@^0.1.0'],
    no: { 1: 'the change would be refused' },
    action: preview,
  });
}

function priorityOf(written: string) {
  const [, module, number] = /^([^=]+)=(\d{0,9})$/.exec(written) ?? [];
  if (module === undefined) throw new InvalidArgumentError('Expected <module>=<whole number>.');
  return { module, effective_priority: number ? Number(number) : null };
}

function reservationOf(written: string): Reservation {
  const [, module, pattern] = /^([^=]+)=(.+)$/s.exec(written) ?? [];
  if (module === undefined || pattern === undefined || module.includes('/')) {
    throw new InvalidArgumentError(
      'Expected <module>=<pattern> with a module of your own account.',
    );
  }

  return { module, pattern };
}

async function preview(template: string, flags: PreviewFlags): Promise<ExitCode> {
  const api = await connect();
  const change = await changeOf(api, flags);
  const path = `/templates/${encodeURIComponent(await resolveId(api, 'templates', template))}/preview`;
  const response = await api.client.send(api.responses.preview, 'POST', path, {
    change,
    track: flags.track,
  });

  print(flags.json, response, () => formatPreview(response));
  return 0;
}

async function changeOf(api: Api, flags: PreviewFlags) {
  const { assign, remove, promote, priority, metadata, reserve, revoke, set } = flags;
  const given = [assign, remove, promote, priority, metadata, reserve, revoke].filter(
    (one) => one !== undefined,
  );

  if (given.length !== 1) {
    throw new GantryError(
      'usage',
      `expected one of --assign, --remove, --promote, --priority, --metadata, --reserve and --revoke, found ${given.length || 'none'}`,
    );
  }

  if (assign !== undefined) {
    const at = assign.indexOf('@');
    const [module, constraint] =
      at < 1 ? [assign, undefined] : [assign.slice(0, at), assign.slice(at + 1)];
    return { kind: 'assignment_add', module, constraint, metadata: set && parseMetadata(set) };
  }

  if (remove !== undefined) return { kind: 'assignment_remove', module: remove };
  if (promote !== undefined)
    return {
      kind: 'version_promote',
      version_id: await resolveVersionId(api, promote),
      to: flags.to,
      withdraw: flags.withdraw,
    };

  if (reserve !== undefined)
    return { kind: 'reservation_change', module: reserve.module, grant: [reserve.pattern] };
  if (revoke !== undefined)
    return { kind: 'reservation_change', module: revoke.module, revoke: [revoke.pattern] };
  if (priority !== undefined) return { kind: 'assignment_update', ...priority };

  return { kind: 'assignment_update', module: metadata, metadata: parseMetadata(set ?? []) };
}
