import type { Command } from 'commander';
import { registerModuleArchive } from './archive.ts';
import { registerModuleBuild } from './build.ts';
import { registerModuleDiff } from './diff.ts';
import { registerModuleHistory } from './history.ts';
import { registerModuleInit } from './init.ts';
import { registerModuleList } from './list.ts';
import { registerModuleMachines } from './machines.ts';
import { registerModulePoll } from './poll.ts';
import { registerModulePromote } from './promote.ts';
import { registerModulePush } from './push.ts';
import { registerModuleRegister } from './register.ts';
import { registerModuleReserve } from './reserve.ts';
import { registerModuleRollback } from './rollback.ts';
import { registerModuleShow } from './show.ts';
import { registerModuleSign } from './sign.ts';
import { registerModuleTemplates } from './templates.ts';
import { registerModuleUpdate } from './update.ts';
import { registerModuleValidate } from './validate.ts';
import { registerModuleVerify } from './verify.ts';
import { registerModuleVersions } from './versions.ts';
import { registerModuleWhy } from './why.ts';
import { registerModuleWithholdings } from './withhold.ts';

/** `gantry module …`: one file a subcommand. */
export function register(command: Command): void {
  registerModuleInit(command);
  registerModuleValidate(command);
  registerModuleBuild(command);
  registerModulePush(command);
  registerModuleSign(command);
  registerModuleVerify(command);
  registerModuleList(command);
  registerModulePoll(command);
  registerModulePromote(command);
  registerModuleRollback(command);
  registerModuleWithholdings(command);
  registerModuleRegister(command);
  registerModuleUpdate(command);
  registerModuleArchive(command);
  registerModuleReserve(command);
  registerModuleShow(command);
  registerModuleVersions(command);
  registerModuleDiff(command);
  registerModuleWhy(command);
  registerModuleHistory(command);
  registerModuleMachines(command);
  registerModuleTemplates(command);
}
