import type { Command } from 'commander';
import { registerExtensionValidate } from './validate.ts';

/** `gantry extension …`: one file a subcommand. */
export function register(command: Command): void {
  registerExtensionValidate(command);
}
