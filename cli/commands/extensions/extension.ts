import type { Command } from 'commander';
import { registerExtensionInit } from './init.ts';
import { registerExtensionPack } from './pack.ts';
import { registerExtensionValidate } from './validate.ts';

/** `gantry extension …`: one file a subcommand. */
export function register(command: Command): void {
  registerExtensionInit(command);
  registerExtensionValidate(command);
  registerExtensionPack(command);
}
