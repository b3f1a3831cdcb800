import type { Command } from 'commander';
import { registerModuleBuild } from './module-build.ts';
import { registerModuleInit } from './module-init.ts';
import { registerModuleList } from './module-list.ts';
import { registerModuleMachines } from './module-machines.ts';
import { registerModulePoll } from './module-poll.ts';
import { registerModulePromote } from './module-promote.ts';
import { registerModulePush } from './module-push.ts';
import { registerModuleRegister } from './module-register.ts';
import { registerModuleReserve } from './module-reserve.ts';
import { registerModuleShow } from './module-show.ts';
import { registerModuleSign } from './module-sign.ts';
import { registerModuleTemplates } from './module-templates.ts';
import { registerModuleUpdate } from './module-update.ts';
import { registerModuleValidate } from './module-validate.ts';
import { registerModuleVerify } from './module-verify.ts';
import { registerModuleVersions } from './module-versions.ts';
import { registerModuleWhy } from './module-why.ts';

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
  registerModuleRegister(command);
  registerModuleUpdate(command);
  registerModuleReserve(command);
  registerModuleShow(command);
  registerModuleVersions(command);
  registerModuleWhy(command);
  registerModuleMachines(command);
  registerModuleTemplates(command);
}
