import type { Command } from 'commander';
import { registerModuleBuild } from './module-build.ts';
import { registerModuleInit } from './module-init.ts';
import { registerModulePush } from './module-push.ts';
import { registerModuleSign } from './module-sign.ts';
import { registerModuleValidate } from './module-validate.ts';
import { registerModuleVerify } from './module-verify.ts';

/** `gantry module …`: one file a subcommand. */
export function register(command: Command): void {
  registerModuleInit(command);
  registerModuleValidate(command);
  registerModuleBuild(command);
  registerModulePush(command);
  registerModuleSign(command);
  registerModuleVerify(command);
}
