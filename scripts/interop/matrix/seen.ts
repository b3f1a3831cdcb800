import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Programs } from '../programs.ts';
import type { Cell } from './cells.ts';
import type { Result } from './run.ts';

const file = new URL('seen.json', import.meta.url);

/** The programs of the last runs, and where the signature of each built cell was found. */
const seenSchema = z.strictObject({
  programs: z.record(z.string(), z.string()),
  built: z.record(z.string(), z.string()),
});
type Seen = z.infer<typeof seenSchema>;

export function readSeen(): Seen {
  return seenSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** The key of a cell in what was seen. */
export function nameCell({ tool, registry, form }: Cell): string {
  return `${tool.name} ${registry.name} ${form.name}`;
}

/**
 * Keeps what was seen of a cell, from which `npm run generate` makes the page about peers. Other
 * cells stay as earlier runs saw them.
 */
export function writeSeen(programs: Programs, { cell, outcome }: Result): void {
  const { programs: versions, built } = readSeen();
  for (const [name, { version }] of programs.found) versions[name] = version;

  if (outcome.built) built[nameCell(cell)] = outcome.found;
  else delete built[nameCell(cell)];

  const seen: Seen = { programs: sortKeys(versions), built: sortKeys(built) };
  writeFileSync(file, `${JSON.stringify(seen, null, 2)}\n`);
}

function sortKeys(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => a.localeCompare(b)));
}
