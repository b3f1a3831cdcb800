import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { promotedStates } from '../../../shared/domain/modules/index.ts';
import { type Api, connect } from '../../client/api.ts';
import {
  awaitOperation,
  changeRefused,
  type WaitFlags,
  waits,
} from '../../client/await-operation.ts';
import { describe, oneOf } from '../../command.ts';
import { versionPages } from '../../output/versions.ts';
import type { ExitCode } from '../../run.ts';

/** Versions that an error names. */
const shownMax = 20;

/** `gantry module promote` */
export function registerModulePromote(module: Command): void {
  const command = module
    .command('promote <version>')
    .description('promote a version, by id or as <module>@<version>')
    .addOption(
      oneOf('--to <state>', promotedStates, 'the state that it is to have').makeOptionMandatory(),
    );
  describe(waits(command), {
    example: 'gantry module promote my-redis@0.1.0 --to staging',
    no: changeRefused,
    action: promote,
  });
}

async function promote(version: string, flags: WaitFlags & { to: string }): Promise<ExitCode> {
  const api = await connect();
  const path = `/versions/${encodeURIComponent(await versionIdOf(api, version))}/promote`;
  const { operation } = await api.client.send(api.answers.operation, 'POST', path, {
    to: flags.to,
  });
  return awaitOperation(api, operation, flags);
}

/** The id behind what a person wrote: an id as it is, or `<module>@<version or tag>`. */
export async function versionIdOf(api: Api, written: string): Promise<string> {
  if (written.startsWith('ver_')) return written;
  const at = written.lastIndexOf('@');
  if (at < 1) {
    throw new GantryError(
      'usage',
      `expected <module>@<version> or the id of a version, found "${written}"`,
    );
  }
  const [module, wanted] = [written.slice(0, at), written.slice(at + 1)];
  const known: string[] = [];
  for await (const { versions } of versionPages(api, module)) {
    const version = versions.find(
      ({ version_string, tags }) => version_string === wanted || tags.includes(wanted),
    );
    if (version !== undefined) return version.id;
    known.push(...versions.map(({ version_string }) => version_string));
  }
  const found = known.slice(0, shownMax).join(', ') || 'none';
  const more = known.length > shownMax ? ` and ${known.length - shownMax} older ones` : '';
  throw new GantryError(
    'not_found',
    `expected a version ${wanted} of ${module}, found ${found}${more}`,
  );
}
