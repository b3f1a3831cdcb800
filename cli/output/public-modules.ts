import type { z } from 'zod';
import type {
  publicModuleSchema,
  publicVersionSchema,
} from '../../shared/contract/modules/index.ts';
import { effectRows } from './modules.ts';
import { formatFields, shortDigest, table } from './table.ts';

type PublicModule = z.output<typeof publicModuleSchema>;
type PublicVersion = z.output<typeof publicVersionSchema>;

export function formatPublicModules(modules: readonly PublicModule[]): string {
  return table(
    ['MODULE', 'VARIETY', 'LIVE', 'PLATFORMS', 'DESCRIPTION'],
    modules.map(({ account, name, variety, live_version, description }) => [
      `${account}/${name}`,
      variety,
      live_version?.version_string ?? null,
      live_version?.platforms.join(', ') ?? null,
      description,
    ]),
    'There are no such public modules.',
  );
}

export function formatPublicModule(module: PublicModule): string {
  const { live_version: live } = module;
  return formatFields([
    ['name', `${module.account}/${module.name}`],
    ['display name', module.display_name],
    ['description', module.description],
    ['license', module.license],
    ['variety', module.variety],
    ['requires', module.requires.join(', ') || null],
    ['provides', module.provides.join(', ') || null],
    ['live version', live === null ? null : `${live.version_string}, ${shortDigest(live.digest)}`],
    ['platforms', live?.platforms.join(', ') ?? null],
    ...effectRows(module.effects),
  ]);
}

export function formatPublicVersions(versions: readonly PublicVersion[]): string {
  return table(
    ['VERSION', 'STATE', 'DIGEST', 'PLATFORMS'],
    versions.map(({ version_string, live, quarantined, digest, platforms }) => [
      version_string,
      quarantined ? 'quarantined' : live ? 'live' : 'was live',
      shortDigest(digest),
      platforms.join(', '),
    ]),
    'The module has no live version yet, so it cannot be used.',
  );
}
