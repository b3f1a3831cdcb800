import type { Command } from 'commander';
import { registerModuleBuild } from './module-build.ts';

/** `gantry module …`: one file a subcommand. */
export function register(command: Command): void {
  registerModuleBuild(command);
}
