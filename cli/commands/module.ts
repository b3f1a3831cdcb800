import type { Command } from 'commander';
import { registerModuleBuild } from './module-build.ts';
import { registerModuleInit } from './module-init.ts';
import { registerModuleValidate } from './module-validate.ts';

/** `gantry module …`: one file a subcommand. */
export function register(command: Command): void {
  registerModuleInit(command);
  registerModuleValidate(command);
  registerModuleBuild(command);
}
