import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { formatLive, formatPolling } from '../../output/modules.ts';
import { formatFields } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module show` */
export function registerModuleShow(module: Command): void {
  describe(module.command('show <name>').description('show a module and its polling status'), {
    examples: ['gantry module show my-redis'],
    action: show,
  });
}

async function show(name: string, flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.get(responses.module, `/modules/${encodeURIComponent(name)}`);
  const { live_version_id } = response.module;
  const live =
    flags.json || live_version_id === null
      ? null
      : await client.get(responses.version, `/versions/${live_version_id}`);

  print(flags.json, response, () => {
    const { module, poll } = response;
    const identities = module.cosign_identities.map((pair): [string, string] => {
      const claims = Object.entries(pair.cosign_claims ?? {}).map(
        ([name, regexp]) => `, ${name} ${regexp}`,
      );
      return [
        'identity',
        `${pair.cosign_identity_regexp} from ${pair.cosign_issuer_regexp}${claims.join('')}`,
      ];
    });

    return formatFields([
      ['name', `${module.account}/${module.name}`],
      ['id', module.id],
      ...(module.archived ? [['archived', 'yes'] as [string, string]] : []),
      ['visibility', module.visibility],
      ['category', module.category],
      ['variety', module.variety],
      ['parent', module.parent_module],
      ['repository', module.repository],
      ...identities,
      ['trusted keys', module.trusted_keys.length],
      ['trust root', module.trusted_root === null ? 'Sigstore public good' : 'own'],
      ['transparency log', module.require_tlog ? 'required' : 'not required'],
      [
        'attestations',
        module.required_attestations.map(({ predicate_type }) => predicate_type).join(', ') || null,
      ],
      ['platforms', module.platforms.join(', ') || 'any'],
      ['reserved', module.granted_reservations.join(', ') || null],
      ['live version', live === null ? null : formatLive(live.version)],
      ['last polled', poll?.polled_at ?? null],
      ['next poll', poll?.next_poll_at ?? null],
      ['polling', formatPolling(poll)],
      ['last error', poll?.message ?? null],
      ['ignored tags', poll?.ignored_tags.join(', ') || null],
    ]);
  });

  return 0;
}
