import type { ComposefsNode } from './node.ts';

/** Finds a path by its names. Slashes may repeat, as in mkcomposefs. */
export function lookUp(root: ComposefsNode, path: string): ComposefsNode | undefined {
  let node: ComposefsNode | undefined = root;
  for (const name of path.split('/')) if (name !== '') node = findChild(node, name);
  return node;
}

function findChild(parent: ComposefsNode | undefined, name: string): ComposefsNode | undefined {
  const children = parent?.children ?? [];
  let low = 0;
  let high = children.length;

  while (low < high) {
    const middle = (low + high) >> 1;
    if ((children[middle] as ComposefsNode).name < name) low = middle + 1;
    else high = middle;
  }

  return children[low]?.name === name ? children[low] : undefined;
}

/** Formats a byte string for an error message: as UTF-8, quoted, at most a line long. */
export function shown(bytes: string): string {
  const text = Buffer.from(bytes.slice(0, 120), 'latin1').toString('utf8');
  return JSON.stringify(bytes.length > 120 ? `${text}…` : text);
}

/**
 * Returns the last slash of a path that needs no decoding: absolute, without escapes and repeated
 * slashes. Returns -1 for other paths.
 */
export function plainSlash(text: string, start: number, end: number): number {
  if (text.charCodeAt(start) !== 0x2f || end - start < 2) return -1;

  let slash = start;
  for (let at = start + 1; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x5c) return -1;
    if (unit !== 0x2f) continue;
    if (at === slash + 1) return -1;

    slash = at;
  }

  return slash;
}

/** 64 hex digits in lower case. */
export function isDigest(text: string): boolean {
  if (text.length !== 64) return false;
  for (let i = 0; i < 64; i++) {
    const unit = text.charCodeAt(i);
    if (!((unit >= 0x30 && unit <= 0x39) || (unit >= 0x61 && unit <= 0x66))) return false;
  }

  return true;
}
