import type { Command } from 'commander';
import type { z } from 'zod';
import { keyIdOf } from '../../../shared/base/key-id.ts';
import {
  attestationText,
  documentText,
  requirementText,
} from '../../../shared/domain/signatures/index.ts';
import { connect } from '../../client/api.ts';
import { parseModuleName } from '../../client/modules.ts';
import { showPublicModule } from '../../client/public-modules.ts';
import type { responses } from '../../client/response-schemas.ts';
import { describe, type Flags } from '../../command.ts';
import { effectRows, formatLive, formatPolling, formatUnreadable } from '../../output/modules.ts';
import { formatFields } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module show` */
export function registerModuleShow(module: Command): void {
  const command = module
    .command('show <name>')
    .description('show a module and its polling status, or <account>/<name>, a public one');
  describe(command, {
    examples: ['gantry module show my-redis', 'gantry module show powernode/apache'],
    action: show,
  });
}

async function show(written: string, flags: Flags): Promise<ExitCode> {
  const { account, name } = parseModuleName(written);
  if (account !== undefined) return showPublicModule(flags.json, account, name);

  const { client, responses } = await connect();
  const response = await client.get(responses.module, `/modules/${encodeURIComponent(name)}`);
  const version = flags.json ? null : await shownVersion(response.module);

  print(flags.json, response, () =>
    formatFields([
      ...registrationRows(response.module),
      ['live version', version?.promotion_state === 'live' ? formatLive(version) : null],
      ...pollRows(response),
      ...(version === null ? [] : versionRows(version)),
    ]),
  );

  return 0;
}

/** The live version, or else the newest one; null if there is none. */
async function shownVersion({
  name,
  live_version_id,
}: Shown['module']): Promise<ShownVersion | null> {
  const { client, responses } = await connect();
  if (live_version_id !== null)
    return (await client.get(responses.version, `/versions/${live_version_id}`)).version;

  const path = `/modules/${encodeURIComponent(name)}/versions?limit=1`;
  const { versions } = await client.get(responses.versions, path);
  return versions[0] ?? null;
}

/** What is attested of a version, and what it does to machines besides its files. */
function versionRows(version: ShownVersion): Row[] {
  const { version_string, promotion_state, effects, warnings = [] } = version;
  return [
    ['shown below', `${version_string}, ${promotion_state}`],
    ...documentRows(version),
    ...effectRows(effects),
    ...warnings.map((warning): Row => ['warning', warning]),
  ];
}

type Shown = z.output<(typeof responses)['module']>;
type Row = [string, string | number | null];

function registrationRows(module: Shown['module']): Row[] {
  const identities = module.cosign_identities.map((pair): Row => {
    const claims = Object.entries(pair.cosign_claims ?? {}).map(
      ([name, regexp]) => `, ${name} ${regexp}`,
    );
    const signer = `${pair.cosign_identity_regexp} from ${pair.cosign_issuer_regexp}`;
    return ['identity', `${signer}${claims.join('')}`];
  });
  const attestations = module.required_attestations.map(requirementText);

  return [
    ['name', `${module.account}/${module.name}`],
    ['id', module.id],
    ...(module.archived ? [['archived', 'yes'] as Row] : []),
    ['visibility', module.visibility],
    ['category', module.category],
    ['variety', module.variety],
    ['parent', module.parent_module],
    ['repository', module.repository],
    ...identities,
    ...module.trusted_keys.map((pem): Row => ['trusted key', keyIdOf(pem)]),
    ['trust root', module.trusted_root === null ? 'Sigstore public good' : 'own'],
    ['transparency log', module.require_tlog ? 'required' : 'not required'],
    ['required attestations', attestations.join(', ') || null],
    ['platforms', module.platforms.join(', ') || 'any'],
    ['reserved', module.granted_reservations.join(', ') || null],
  ];
}

type ShownVersion = z.output<(typeof responses)['version']>['version'];

/**
 * What attestations and side layers of a version say. Each platform has documents of its own, which
 * often say the same.
 */
function documentRows({ signatures, side_layers = [] }: ShownVersion): Row[] {
  const attested = signatures.flatMap(({ attestation }) =>
    attestation === undefined ? [] : [attestationText(attestation)],
  );
  return [
    ...[...new Set(attested)].sort().map((text): Row => ['attested', text]),
    ...side_layers.map((layer): Row => ['not attested', documentText(layer)]),
  ];
}

function pollRows({ poll, moved_tags, unreadable_tags, warnings }: Shown): Row[] {
  const cut = poll?.list_cut ?? null;
  return [
    ['last polled', poll?.polled_at ?? null],
    ['next poll', poll?.next_poll_at ?? null],
    ['polling', formatPolling(poll)],
    ['last error', poll?.message ?? null],
    ['list of tags', cut === null ? null : `incomplete: ${cut}`],
    ...unreadable_tags.map((tag): Row => ['unreadable tag', formatUnreadable(tag)]),
    ['ignored tags', poll?.ignored_tags.join(', ') || null],
    ['moved tags', moved_tags.map(({ tag }) => tag).join(', ') || null],
    ...warnings.map(({ message }): Row => ['warning', message]),
  ];
}
