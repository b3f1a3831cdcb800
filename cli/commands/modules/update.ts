import type { Command } from 'commander';
import type { z } from 'zod';
import { GantryError } from '../../../shared/base/error.ts';
import { type Api, connect } from '../../client/api.ts';
import {
  addWaitOptions,
  awaitOperation,
  changeRefused,
  type WaitFlags,
} from '../../client/await-operation.ts';
import type { responses } from '../../client/response-schemas.ts';
import { describe } from '../../command.ts';
import {
  addRegistrationOptions,
  type RegistrationFlags,
  readRegistration,
} from '../../input/module-flags.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface UpdateFlags extends WaitFlags, RegistrationFlags {
  repository?: string;
  category?: string;
  public?: true;
  private?: true;
  publicTrustedRoot?: true;
  keys: boolean;
  identities: boolean;
  attestations: boolean;
  requireTlog?: boolean;
  allowDevices?: boolean;
  digitCommits?: boolean;
  dryRun?: true;
  quarantine?: true;
}

/** `gantry module update` */
export function registerModuleUpdate(module: Command): void {
  const command = module
    .command('update <name>')
    .description('change a registration; a repeatable option replaces its whole list')
    .option('--repository <reference>', 'OCI reference without a tag: host[:port]/path')
    .option('--category <slug>', 'category of the account')
    .option('--public', 'let other accounts depend on it')
    .option('--private', 'let only this account depend on it')
    .option(
      '--trusted-root <file>',
      'trusted_root.json of a private Sigstore; it can hold old and new logs',
    )
    .option('--public-trusted-root', 'use the public-good trust root again')
    .option('--no-keys', 'trust no keys')
    .option('--no-identities', 'trust no keyless signatures')
    .option('--no-attestations', 'require no attestations')
    .option('--require-tlog', 'require a transparency log entry')
    .option('--no-require-tlog', 'accept signatures without a transparency log entry')
    .option('--allow-devices', 'accept device nodes in its layers')
    .option('--no-allow-devices', 'refuse layers with device nodes')
    .option('--digit-commits', 'take tags of digits alone as commit hashes')
    .option('--no-digit-commits', 'ignore tags of digits alone')
    .option('--dry-run', 'show which versions would be quarantined, without requesting the change')
    .option('--quarantine', 'quarantine versions in use that would no longer verify');
  describe(addWaitOptions(addRegistrationOptions(command)), {
    notes: `
--require-source alone keeps the other attestations that the module requires, and the builders of its provenance.`,
    examples: [
      'gantry module update my-redis --key old.pub --key new.pub',
      'gantry module update my-redis --key new.pub --dry-run',
    ],
    no: changeRefused,
    action: update,
  });
}

async function update(name: string, flags: UpdateFlags): Promise<ExitCode> {
  const visibility = eitherOf(flags.public, 'public', flags.private, 'private');
  eitherOf(flags.key, 'key', flags.keys ? undefined : true, 'no-keys');

  eitherOf(
    flags.identity ?? flags.identityRegexp,
    'identity',
    flags.identities ? undefined : true,
    'no-identities',
  );

  eitherOf(
    flags.requireAttestation ?? flags.requireSource,
    flags.requireAttestation === undefined ? 'require-source' : 'require-attestation',
    flags.attestations ? undefined : true,
    'no-attestations',
  );

  eitherOf(flags.trustedRoot, 'trusted-root', flags.publicTrustedRoot, 'public-trusted-root');
  const api = await connect();

  const path = `/modules/${encodeURIComponent(name)}`;
  const kept = await keptAttestations(api, path, flags);
  const body = {
    ...(await readRegistration(flags, kept?.required_attestations)),
    // The list that is sent replaces the one that was read.
    policy_version: kept?.policy_version,
    ...(flags.publicTrustedRoot ? { trusted_root: null } : {}),
    ...(flags.keys ? {} : { trusted_keys: [] }),
    ...(flags.identities ? {} : { cosign_identities: [] }),
    ...(flags.attestations ? {} : { required_attestations: [] }),
    repository: flags.repository,
    category: flags.category,
    visibility,
    require_tlog: flags.requireTlog,
    allow_devices: flags.allowDevices,
    digit_commits: flags.digitCommits,
    quarantine: flags.quarantine,
  };

  if (flags.dryRun) {
    const preview = await api.client.send(
      api.responses.previewModule,
      'POST',
      `${path}/preview`,
      body,
    );
    print(flags.json, preview, () => formatLosses(name, preview));
    return 0;
  }

  const { operation } = await api.client.send(api.responses.operation, 'PATCH', path, body);
  return awaitOperation(api, operation, flags);
}

/** Reads what the module requires where `--require-source` alone adds to it. */
async function keptAttestations(api: Api, path: string, flags: UpdateFlags) {
  if (flags.requireSource === undefined || flags.requireAttestation !== undefined) return;
  const { module } = await api.client.get(api.responses.module, path);
  return module;
}

type Preview = z.output<(typeof responses)['previewModule']>;

/** Formats what a change of trust would quarantine. */
export function formatLosses(name: string, { action, losses, not_judged }: Preview): string {
  const rows = losses.flatMap(({ version, promotion_state, message, uses }) => {
    const facts = [version, promotion_state, message];
    return uses.length === 0
      ? [[...facts, null, null]]
      : uses.map(({ template, track, machines }) => [...facts, `${template} (${track})`, machines]);
  });

  const found = table(
    ['QUARANTINED', 'STATE', 'WHY', 'IN USE BY', 'MACHINES'],
    rows,
    `No version of ${name} would be quarantined.`,
  );
  const left = not_judged === 0 ? [] : [`${not_judged} older versions were not judged.`];
  return [found, `The change needs the policy of ${action}.`, ...left].join('\n');
}

/** Returns the name of the flag that was given. @throws GantryError `usage` if both were */
function eitherOf(
  first: unknown,
  firstName: string,
  second: unknown,
  secondName: string,
): string | undefined {
  if (first !== undefined && second !== undefined) {
    throw new GantryError('usage', `expected --${firstName} or --${secondName}, found both`);
  }
  return first !== undefined ? firstName : second !== undefined ? secondName : undefined;
}
