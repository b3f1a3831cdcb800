import { parseSync } from '@swc/core';

interface Node {
  type?: string;
  value?: unknown;
  quasis?: { cooked?: string; raw?: string }[];
  [key: string]: unknown;
}

/**
 * Returns the texts of a source: strings, templates with `x` for what they insert, and the text of
 * pages. Adjacent parts that `+` joins are one text.
 */
export function textsOf(source: string, tsx: boolean): string[] {
  const found: string[] = [];
  collect(parseSync(source, { syntax: 'typescript', tsx, target: 'es2024' }), found);
  return found;
}

function collect(node: unknown, found: string[]): void {
  if (Array.isArray(node)) for (const part of node) collect(part, found);
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return;

  const text = textOf(node as Node);
  if (text === null) for (const part of Object.values(node)) collect(part, found);
  else found.push(text);
}

function textOf(node: Node): string | null {
  if (node.type === 'StringLiteral' || node.type === 'JSXText') return String(node.value);
  if (node.type === 'TemplateLiteral')
    return (node.quasis ?? []).map(({ cooked, raw }) => cooked ?? raw ?? '').join('x');
  if (node.type !== 'BinaryExpression' || node.operator !== '+') return null;

  const [left, right] = [node.left, node.right].map((side) => textOf(side as Node));
  return left === null || right === null ? null : `${left}${right}`;
}

/** Returns true for a text that a person reads: several words, of which some join others. */
export function isProse(text: string): boolean {
  return (
    /\b(?:a|an|the|of|is|are|to|and|that|for|in|by|found)\b/.test(text) &&
    !/[{};<>=]{2}|=>/.test(text)
  );
}

/** Splits a text at its empty lines, and at lines that begin with an option or a bullet. */
export function blocksOf(text: string): string[] {
  return text.split(/\n\s*\n|\n(?=\s*(?:--|- ))/);
}
