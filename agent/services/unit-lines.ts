/** An assignment of a unit file, with the section that it is in. */
export interface UnitLine {
  section: string;
  key: string;
  value: string;
}

/**
 * Reads the assignments of a unit file, as systemd.syntax(7) describes it: a backslash at the end
 * of a line joins it with the next one, and comments between joined lines are left out. A drop-in
 * is read the same way: its assignments follow those of its unit.
 */
export function parseUnit(text: string): UnitLine[] {
  const lines: UnitLine[] = [];
  let section = '';

  for (const line of joinLines(text)) {
    const header = /^\[(.+)\]$/.exec(line)?.[1];
    if (header !== undefined) section = header;

    const at = line.indexOf('=');
    if (header !== undefined || at <= 0) continue;
    lines.push({ section, key: line.slice(0, at).trim(), value: line.slice(at + 1).trim() });
  }

  return lines;
}

/** A backslash that no other one protects. */
const openEnd = /(?<=(?<!\\)(?:\\\\)*)\\$/;

function joinLines(text: string): string[] {
  const joined: string[] = [];
  let open: string | undefined;

  // systemd ends a line at each of these.
  for (const raw of text.split(/\r\n|[\r\n\0]/)) {
    const line = raw.trim();
    if (/^[#;]/.test(line)) continue;

    const whole = open === undefined ? line : `${open} ${line}`;
    const isOpen = openEnd.test(whole);
    open = isOpen ? whole.slice(0, -1) : undefined;
    if (!isOpen && whole !== '') joined.push(whole);
  }

  if (open !== undefined) joined.push(open);
  return joined;
}

/**
 * Writes assignments as a unit file, section by section, in their order. Each stays one line, and
 * none takes the next one in: values come from modules, and the agent's own lines follow them.
 */
export function formatUnit(lines: readonly UnitLine[]): string {
  let section = '';
  const parts: string[] = [];

  for (const line of lines) {
    if (line.section !== section) {
      section = line.section;
      parts.push(`${parts.length === 0 ? '' : '\n'}[${section}]\n`);
    }
    parts.push(`${line.key}=${closeLine(line.value)}\n`);
  }

  return parts.join('');
}

function closeLine(value: string): string {
  const text = value.replaceAll(/[\r\n\0]/g, ' ').trimEnd();
  return openEnd.test(text) ? text.replace(/[\s\\]+$/, '') : text;
}
