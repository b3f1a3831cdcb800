import { access } from 'node:fs/promises';
import { GantryError } from '../shared/base/error.ts';
import type { AgentConfig } from './state.ts';

/** What the ways need of a machine. */
export interface MachineFacts {
  isRoot: boolean;
  /** Whether systemd is the init. */
  hasSystemd: boolean;
}

export async function readMachineFacts(): Promise<MachineFacts> {
  // The directory exists if and only if systemd is the init (sd_booted(3)).
  const hasSystemd = await access('/run/systemd/system').then(
    () => true,
    () => false,
  );
  return { isRoot: process.getuid?.() === 0, hasSystemd };
}

/**
 * Requires what a way needs. A directory needs nothing.
 *
 * @throws `prerequisite_missing`
 */
export function requireWay(way: AgentConfig['way'], { isRoot, hasSystemd }: MachineFacts): void {
  if (way === 'directory') return;

  if (!isRoot) {
    throw wayError(way, 'expected to run as root, found another user. Run it with sudo.');
  }

  // A machine that will boot from its composition is prepared elsewhere, as by an installer.
  if (way === 'services' && !hasSystemd) {
    throw wayError(way, 'expected systemd as the init, found none. Enrol with --way directory.');
  }
}

function wayError(way: string, why: string): GantryError {
  return new GantryError(
    'prerequisite_missing',
    `This machine cannot run in the way ${way}: ${why}`,
    { field: 'way' },
  );
}
