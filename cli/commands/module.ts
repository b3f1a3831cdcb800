import type { Command } from 'commander';

/** `gantry module …`: one file a subcommand. */
export function register(_command: Command): void {}
