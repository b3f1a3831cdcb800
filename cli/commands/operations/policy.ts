import type { Command } from 'commander';
import type { z } from 'zod';
import { GantryError } from '../../../shared/base/error.ts';
import { sayNearest } from '../../../shared/base/nearest.ts';
import { formatSeconds } from '../../../shared/base/time.ts';
import type { policySchema } from '../../../shared/contract/operations/index.ts';
import {
  decisions,
  type FreezeWindow,
  fieldsOfPolicy,
  gatesText,
  parseWindowText,
  plannedActions,
  windowText,
} from '../../../shared/domain/operations/index.ts';
import { type Api, connect } from '../../client/api.ts';
import {
  addWaitOptions,
  awaitOperation,
  changeRefused,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { choiceOption, collect, describe, type Flags, parseWholeNumber } from '../../command.ts';
import { durationForm, parseDuration } from '../../input/duration.ts';
import { formatFields, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

type Policy = z.infer<typeof policySchema>;

interface PolicyFlags extends WaitFlags {
  decision?: string;
  quorum?: number;
  selfApproval?: boolean;
  expiresIn?: number;
  minSoak?: number;
  /** A list is false with its `--no-` option. */
  reviewerGroup?: string[] | false;
  freeze?: FreezeWindow[] | false;
  requireAttestation?: string[] | false;
  requireBuilder?: string[] | false;
  requireSource?: string[] | false;
  replace?: true;
}

/** `gantry policy …` */
export function register(command: Command): void {
  describe(command.command('list').description('list the intervention policy of each action'), {
    examples: ['gantry policy list'],
    action: list,
  });
  describe(
    command.command('show <action>').description('show the intervention policy of an action'),
    { examples: ['gantry policy show module_promote_to_live'], action: show },
  );
  describe(addWaitOptions(addFields(command.command('set <action>'))), {
    examples: [
      'gantry policy set module_promote_to_blessed --decision require_approval --quorum 2',
      'gantry policy set module_promote_to_live --reviewer-group security --min-soak 1d',
      "gantry policy set module_promote_to_live --require-source '^https://github\\.com/acme/.*$'",
      'gantry policy set module_promote_to_live --freeze "fri 17:00 to mon 08:00 Europe/Zurich"',
    ],
    notes: `Options that are left out keep their value. --reviewer-group, --freeze and the --require options
add to what is there; with --replace they replace it. The change needs what the present policy asks, and
an approval if it loosens the policy (policy_loosen).

A window is "22:00 to 06:00 UTC" for every day, or "fri 17:00 to mon 08:00 Europe/Zurich" for every week.
"2026-12-24 12:00 to 2027-01-04 08:00 Europe/Zurich" is for once.`,
    no: changeRefused,
    action: set,
  });
}

function addFields(command: Command): Command {
  return command
    .description('change the intervention policy of an action')
    .addOption(choiceOption('--decision <decision>', decisions, 'what the action requires'))
    .option('--quorum <number>', 'number of approvals', parseWholeNumber)
    .option('--self-approval', 'let the requester approve')
    .option('--no-self-approval', 'do not let the requester approve')
    .option(
      '--expires-in <duration>',
      `time until an undecided approval expires, ${durationForm}`,
      parseDuration,
    )
    .option(
      '--reviewer-group <group>',
      'only reviewers in this group count (repeatable: in each of them)',
      collect,
    )
    .option('--no-reviewer-group', 'every reviewer counts')
    .option(
      '--min-soak <duration>',
      'time that a version must have been in its state before a promotion',
      parseDuration,
    )
    .option('--freeze <window>', 'time in which the action is refused (repeatable)', collectWindow)
    .option('--no-freeze', 'remove every freeze window')
    .option(
      '--require-attestation <type>',
      'predicate type that a version must carry before a promotion (repeatable)',
      collect,
    )
    .option('--no-require-attestation', 'require no attestation')
    .option(
      '--require-builder <regexp>',
      'builder that SLSA provenance of a version must name (repeatable: each of them)',
      collect,
    )
    .option('--no-require-builder', 'accept every builder')
    .option(
      '--require-source <regexp>',
      'source repository that the same provenance must name (repeatable: each of them)',
      collect,
    )
    .option('--no-require-source', 'accept every source repository')
    .option('--replace', 'replace the lists instead of adding to them');
}

function collectWindow(text: string, before: FreezeWindow[] = []): FreezeWindow[] {
  const window = parseWindowText(text);
  if (window === null) {
    throw new GantryError(
      'usage',
      `expected --freeze like "fri 17:00 to mon 08:00 Europe/Zurich", found "${text}"`,
    );
  }
  return [...before, window];
}

async function list(flags: Flags): Promise<ExitCode> {
  const response = await readPolicies(await connect());

  print(flags.json, response, () => {
    const rows = table(
      ['ACTION', 'DECISION', 'QUORUM', 'SELF-APPROVAL', 'EXPIRES', 'REQUIRES BESIDES'],
      response.policies.map((row) => {
        const asks = row.decision === 'require_approval';

        return [
          row.action,
          row.decision,
          asks ? row.quorum : null,
          asks ? (row.self_approval ? 'yes' : 'no') : null,
          asks ? formatSeconds(row.expires_in_s) : null,
          gatesText(row) || null,
        ];
      }),
      'No policies.',
    );

    return `${rows}\n\nNothing requests ${plannedActions.join(' and ')} yet.`;
  });

  return 0;
}

async function show(action: string, flags: Flags): Promise<ExitCode> {
  const policy = await readPolicy(await connect(), action);
  const text = fieldsOfPolicy(policy);

  print(flags.json, { policy }, () =>
    formatFields([
      ['action', policy.action],
      ...Object.entries(text).map(([field, value]): [string, string] => [
        field.replace(/_s$/, '').replaceAll('_', ' '),
        value,
      ]),
    ]),
  );

  return 0;
}

function readPolicies({ client, responses }: Api): Promise<{ policies: Policy[] }> {
  return client.get(responses.policies, '/policies');
}

async function readPolicy(api: Api, action: string): Promise<Policy> {
  const { policies } = await readPolicies(api);
  const found = policies.find((one) => one.action === action);
  if (found !== undefined) return found;

  const known = policies.map((one) => one.action);
  throw new GantryError(
    'not_found',
    `expected an action with a policy, found "${action}"; ${sayNearest(action, known)}`,
  );
}

async function set(action: string, flags: PolicyFlags): Promise<ExitCode> {
  const api = await connect();
  const { operation } = await api.client.send(
    api.responses.operation,
    'PATCH',
    `/policies/${encodeURIComponent(action)}`,
    {
      decision: flags.decision,
      quorum: flags.quorum,
      self_approval: flags.selfApproval,
      expires_in_s: flags.expiresIn,
      min_soak_s: flags.minSoak,
      ...(await listsOf(api, action, flags)),
    },
  );

  return awaitOperation(api, operation, flags);
}

/** The lists that the options name, added to those of the policy. */
async function listsOf(api: Api, action: string, flags: PolicyFlags): Promise<Partial<Policy>> {
  const { reviewerGroup, freeze, requireAttestation, requireBuilder, requireSource } = flags;
  const named = [reviewerGroup, freeze, requireAttestation, requireBuilder, requireSource];
  const adds = flags.replace !== true && named.some(Array.isArray);
  const present = adds ? await readPolicy(api, action) : null;

  const texts = {
    reviewer_groups: reviewerGroup,
    required_attestations: requireAttestation,
    required_builders: requireBuilder,
    required_sources: requireSource,
  } as const;
  const lists = Object.entries(texts).flatMap(([field, added]) => {
    const before = present?.[field as keyof typeof texts];
    return added === undefined ? [] : [[field, addTo(before, added, String)]];
  });

  return {
    ...Object.fromEntries(lists),
    ...(freeze === undefined
      ? {}
      : { freeze_windows: addTo(present?.freeze_windows, freeze, windowText) }),
  };
}

function addTo<One>(
  present: readonly One[] = [],
  added: readonly One[] | false,
  name: (one: One) => string,
): One[] {
  if (added === false) return [];
  return [...new Map([...present, ...added].map((one) => [name(one), one])).values()];
}
