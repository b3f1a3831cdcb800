import type { Command } from 'commander';
import { GantryError } from '../../shared/error.ts';
import { type Api, connect } from '../api.ts';
import { awaitOperation, changeRefused, type WaitFlags, waits } from '../await-operation.ts';
import { describe } from '../command.ts';
import type { ExitCode } from '../run.ts';

/** `gantry module promote` */
export function registerModulePromote(module: Command): void {
  const command = module
    .command('promote <version>')
    .description('promote a version, by id or as <module>@<version>')
    .requiredOption('--to <state>', 'staging, blessed, live or retired');
  describe(waits(command), {
    example: 'gantry module promote my-redis@0.1.0 --to staging',
    no: changeRefused,
    action: promote,
  });
}

async function promote(version: string, flags: WaitFlags & { to: string }): Promise<ExitCode> {
  const api = await connect();
  const path = `/versions/${encodeURIComponent(await versionIdOf(api, version))}/promote`;
  const { operation } = await api.client.send(api.answers.operation, 'POST', path, { to: flags.to });
  return awaitOperation(api, operation, flags);
}

/** The id behind what a person wrote: an id as it is, or `<module>@<version or tag>`. */
export async function versionIdOf(api: Api, written: string): Promise<string> {
  const at = written.lastIndexOf('@');
  if (at < 1) return written;
  const [module, wanted] = [written.slice(0, at), written.slice(at + 1)];
  const { versions } = await api.client.get(api.answers.versions, `/modules/${encodeURIComponent(module)}/versions`);
  const version = versions.find(({ version_string, tags }) => version_string === wanted || tags.includes(wanted));
  if (version !== undefined) return version.id;
  const known = versions.map(({ version_string }) => version_string).join(', ') || 'none';
  throw new GantryError('not_found', `expected a version ${wanted} of ${module}, found ${known}`);
}
