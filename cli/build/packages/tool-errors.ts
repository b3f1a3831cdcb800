import { GantryError } from '../../../shared/base/error.ts';
import type { ErrorCode } from '../../../shared/base/error-codes.ts';

/** Lines that an error quotes. */
const quotedMax = 12;

/**
 * What the tools print when they fail, in the order in which it is looked for. `expected` starts
 * the error's sentence.
 */
const failures: readonly { pattern: RegExp; code: ErrorCode; expected: string }[] = [
  {
    pattern: /No space left on device|not enough free disk space|You don't have enough free space/i,
    code: 'disk_full',
    expected: 'expected free space in the build directory (TMPDIR) and the cache, found none',
  },
  {
    pattern:
      /NO_PUBKEY|is not signed|EXPKEYSIG|BADSIG|EXPSIG|REVKEYSIG|signatures? (?:couldn't be verified|were invalid)|Sub-process .*(?:gpgv|sqv).* returned an error|Release file .* is expired|no longer has a Release file/i,
    code: 'archive_signature_invalid',
    expected: 'expected an index of the archive that a key of the keyring signed',
  },
  {
    pattern:
      /Could not resolve|Could not connect|Connection (?:failed|refused|timed out)|Unable to connect|does not have a Release file|404 +Not Found|Failed to fetch|Temporary failure/i,
    code: 'suite_unreachable',
    expected: 'expected the mirror to have the suite; check --mirror and the network',
  },
  {
    pattern:
      /subprocess returned error exit status|script subprocess|Sub-process (?:env|dpkg|\/usr\/bin\/dpkg).*error code/i,
    code: 'script_failed',
    expected: 'expected every maintainer script to end with 0',
  },
  {
    pattern:
      /unshare failed|newuidmap|\/etc\/sub[ug]id|unprivileged_userns_clone|Operation not permitted|cannot unshare|must be run as root/i,
    code: 'build_privileges',
    expected:
      'expected root, or a user with ranges in /etc/subuid and /etc/subgid and the package uidmap',
  },
  {
    pattern: /arch-test|qemu[ -]user|Exec format error/i,
    code: 'prerequisite_missing',
    expected:
      'expected the machine to run this architecture; install qemu-user-static, binfmt-support and arch-test, and mount binfmt_misc',
  },
  {
    pattern: /unmet dependencies|held broken packages|Unsatisfied dependencies|Conflicts:/i,
    code: 'packages_conflict',
    expected: 'expected packages that can be installed together',
  },
];

/** Turns the last lines of a failed tool into the error that they mean. */
export function toolError(tool: string, lines: readonly string[]): GantryError {
  const known = failures.find(({ pattern }) => lines.some((line) => pattern.test(line)));
  const quoted = quotedLines(lines, known?.code === 'script_failed' ? scriptLines : undefined);
  const expected = known?.expected ?? `expected ${tool} to end with 0`;

  return new GantryError(
    known?.code ?? 'build_failed',
    `${expected}; ${tool} says: ${quoted.join(' | ')}`,
    {
      found: quoted,
      details: lines.slice(-100),
    },
  );
}

/** What a script printed stands before dpkg's own sentence about it. */
const scriptLines = /^dpkg: error processing (?:package|archive) (\S+)/;

function quotedLines(lines: readonly string[], last: RegExp | undefined): string[] {
  const at = last === undefined ? -1 : lines.findIndex((line) => last.test(line));
  const end = at === -1 ? lines.length : at + 3;
  return lines.slice(Math.max(0, end - quotedMax), end).map((line) => line.slice(0, 300));
}
