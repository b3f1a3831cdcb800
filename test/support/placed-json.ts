/** A place in a text, counted from one. */
export interface TextPlace {
  line: number;
  column: number;
}

/**
 * Writes a value as JSON, which is YAML too, and notes where each key and value starts. It shares
 * nothing with the reader that it tests.
 */
export function writePlaced(value: unknown): {
  text: string;
  keys: Map<string, TextPlace>;
  values: Map<string, TextPlace>;
} {
  const keys = new Map<string, TextPlace>();
  const values = new Map<string, TextPlace>();
  let text = '';
  const here = (): TextPlace => {
    const lines = text.split('\n');
    return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
  };

  const write = (one: unknown, path: string, indent: string): void => {
    values.set(path, here());
    if (typeof one !== 'object' || one === null) {
      text += JSON.stringify(one);
      return;
    }

    const isList = Array.isArray(one);
    text += isList ? '[' : '{';
    for (const [index, [key, inner]] of Object.entries(one).entries()) {
      text += `${index === 0 ? '' : ','}\n${indent}  `;
      const at = isList ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
      keys.set(at, here());
      if (!isList) text += `${JSON.stringify(key)}: `;
      write(inner, at, `${indent}  `);
    }
    text += isList ? ']' : '}';
  };

  write(value, '', '');
  return { text, keys, values };
}
