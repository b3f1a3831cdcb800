import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { listVersions } from '../../client/modules.ts';
import { describe, type Flags } from '../../command.ts';
import { formatVersions } from '../../output/modules.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module versions` */
export function registerModuleVersions(module: Command): void {
  describe(
    module
      .command('versions <name>')
      .description('list versions, and candidates with the reason why they are not versions'),
    { examples: ['gantry module versions my-redis'], action: versions },
  );
}

async function versions(name: string, flags: Flags): Promise<ExitCode> {
  const response = await listVersions(await connect(), name);
  print(flags.json, response, () => formatVersions(response));
  return 0;
}
