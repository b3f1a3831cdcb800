import { GantryError } from '../../shared/base/error.ts';

/** A key whose value is one command or several (systemd.service(5)). */
export const commandKey = /^Exec(?:Condition|StartPre|Start|StartPost|Reload|Stop|StopPost)$/;

/** A word as systemd splits a value: quotes may begin anywhere, a backslash protects. */
const word = /(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\.|[^\s"'\\])+/g;

/**
 * Keeps commands in the root of their service: `+` would run one in the machine's own root, and `!`
 * runs it in this one, as root. A semicolon begins another command.
 *
 * @throws `service_failed` for a command whose prefix could be hidden, by quotes or backslashes
 */
export function keepInRoot(unit: string, value: string): string {
  let isFirst = true;
  return value.replaceAll(word, (one) => {
    const wasFirst = isFirst;
    isFirst = one === ';';
    return wasFirst && !isFirst ? keepCommand(unit, one) : one;
  });
}

function keepCommand(unit: string, first: string): string {
  const [prefix = ''] = /^[@\-:+!|]*/.exec(first) ?? [];
  const path = first.slice(prefix.length);
  if (!/^(?:["']?\/|\w)/.test(path)) {
    throw new GantryError(
      'service_failed',
      `${unit} has a command that begins with ${first}, expected a path or a name, with quotes around all of it or none.`,
      { field: unit, found: first },
    );
  }

  return prefix.includes('+') ? `${prefix.replaceAll(/[+!]/g, '')}!${path}` : first;
}
