/** What a command ends with. Help and reference are made of this table. */
export const exitCodes = {
  0: 'done',
  1: 'no: not verified, invalid, refused, rejected, failed or drifted',
  2: 'error: wrong usage, or Gantry or a file could not be reached or read',
  3: 'a change waits for approval or signatures',
  4: 'the operation did not end within --timeout',
  5: 'a machine is silent, and none has drifted',
} as const;

export type ExitCode = keyof typeof exitCodes;

/** What the exit codes mean for one command, where that is narrower than the table. */
export type ExitMeanings = Partial<Record<ExitCode, string>>;

/** Formats the exit codes that a command uses, as its help shows them. */
export function formatExitCodes(meanings: ExitMeanings): string {
  const used = Object.entries({ 0: 'done', 2: 'error', ...meanings });
  return `Exit codes: ${used.map(([code, meaning]) => `${code} ${meaning}`).join(', ')}.`;
}
