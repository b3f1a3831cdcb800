import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Pair,
  parseDocument,
  type Scalar,
} from 'yaml';
import { limits } from '../base/limits/index.ts';
import { nestsDeeper } from '../base/nesting.ts';
import {
  formatKeyPath,
  type KeyPath,
  type ManifestFinding,
  type ManifestProblem,
} from './problem.ts';

/**
 * A YAML (or JSON) text as plain values, with a function that finds the position of a key path in
 * the text.
 */
export interface ManifestDocument {
  value: unknown;
  /** Problems with the text itself: syntax, repeated keys. */
  problems: ManifestProblem[];
  /** Whether `value` can be checked: it cannot if the text could not be parsed. */
  readable: boolean;
  locate(finding: ManifestFinding): ManifestProblem;
}

/** Whether a value is text, so that 4.20 stays as its author wrote it and is not the number 4.2. */
export type IsText = (path: KeyPath) => boolean;

/**
 * Parses hostile text. It never throws, does not expand alias bombs, and takes time in proportion
 * to the length of the text.
 */
export function readDocument(text: string, isText?: IsText): ManifestDocument {
  // Checked before the parser runs, because the parser needs hundreds of megabytes to detect it.
  if (nestsDeeper(text, limits.manifestDepthMax)) return tooDeep;

  const lines = new LineCounter();
  // The library's own check for repeated keys takes quadratic time.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
  });

  const at = (offset: number, path: KeyPath, message: string): ManifestProblem => {
    const { line, col } = lines.linePos(offset);
    // An empty text has no lines.
    return {
      severity: 'error',
      line: Math.max(line, 1),
      column: Math.max(col, 1),
      path: formatKeyPath(path),
      message,
    };
  };

  const syntax = listSyntaxProblems(document, at);
  const survey =
    syntax.length === 0 ? surveyNodes(document, { at, isText }) : { problems: [], aliases: 0 };
  const problems = [...syntax, ...survey.problems];

  if (survey.aliases > limits.yamlAliasesMax) {
    problems.push(
      at(0, [], `expected at most ${limits.yamlAliasesMax} aliases, found ${survey.aliases}`),
    );
  }

  let value: unknown;
  let readable = syntax.length === 0 && survey.aliases <= limits.yamlAliasesMax;

  if (readable) {
    try {
      value = document.toJS({ maxAliasCount: limits.yamlAliasesMax });
    } catch (error) {
      readable = false;
      problems.push(
        at(0, [], error instanceof Error ? error.message : 'expected aliases that can be resolved'),
      );
    }
  }

  const locate = (finding: ManifestFinding): ManifestProblem => {
    const problem = at(findOffset(document, finding), finding.path, finding.message);
    return { ...problem, severity: finding.severity };
  };

  return { value, problems, readable, locate };
}

const depthMessage = 'expected a manifest, found values nested too deeply to read';

const tooDeep: ManifestDocument = {
  value: undefined,
  problems: [{ severity: 'error', line: 1, column: 1, path: '', message: depthMessage }],
  readable: false,
  locate: (finding) => ({
    severity: finding.severity,
    line: 1,
    column: 1,
    path: '',
    message: finding.message,
  }),
};

type At = (offset: number, path: KeyPath, message: string) => ManifestProblem;

function listSyntaxProblems(document: Document.Parsed, at: At): ManifestProblem[] {
  const exhausted = document.errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (exhausted) return [at(exhausted.pos[0], [], depthMessage)];

  return [...document.errors, ...document.warnings]
    .slice(0, limits.manifestProblemsMax)
    .map(({ code, pos, message }) =>
      at(
        pos[0],
        [],
        code === 'MULTIPLE_DOCS' ? 'expected one YAML document, found another' : message,
      ),
    );
}

/**
 * Finds repeated keys, aliases without an anchor and text that no row holds, and counts aliases. It
 * gives scalars that are text their source text. The parser limits the depth of nesting, so
 * recursion is safe.
 */
function surveyNodes(
  document: Document.Parsed,
  { at, isText }: { at: At; isText: IsText | undefined },
): { problems: ManifestProblem[]; aliases: number } {
  const problems: ManifestProblem[] = [];
  const anchors = new Set<string>();
  let aliases = 0;

  const note = (node: unknown, path: KeyPath, message: string) =>
    problems.push(at(findStart(node) ?? 0, path, message));

  const visitAlias = (node: Alias, path: KeyPath): void => {
    aliases++;
    if (anchors.has(node.source)) return;
    note(node, path, `expected an anchor &${node.source} before this alias, found none`);
  };

  const visitScalar = (node: Scalar, path: KeyPath): void => {
    const isWord = typeof node.value === 'number' || typeof node.value === 'boolean';
    if (isWord && isText?.(path)) node.value = node.source;

    if (typeof node.value !== 'string' || node.value.isWellFormed()) return;
    note(node, path, 'expected Unicode text, found half a surrogate pair');
  };

  const visitPair = (item: Pair, path: KeyPath, seen: Set<string>): void => {
    const key = formatKey(item);
    visit(item.key, path);
    visit(item.value, [...path, key]);

    if (seen.has(key)) {
      note(item.key, [...path, key], `expected the key ${key} once, found it again`);
    }

    seen.add(key);
  };

  const visit = (node: unknown, path: KeyPath): void => {
    if (isAlias(node)) visitAlias(node, path);
    if (isNode(node) && 'anchor' in node && node.anchor !== undefined) anchors.add(node.anchor);
    if (isScalar(node)) visitScalar(node, path);
    if (!isCollection(node)) return;

    const seen = new Set<string>();
    for (const [index, item] of node.items.entries()) {
      if (isPair(item)) visitPair(item, path, seen);
      else visit(item, [...path, index]);
    }
  };

  visit(document.contents, []);
  return { problems, aliases };
}

function formatKey({ key }: Pair): string {
  return String(isScalar(key) ? key.value : key);
}

function findStart(node: unknown): number | undefined {
  const range = (node as { range?: [number, number, number] | null } | null)?.range;
  return range?.[0];
}

/**
 * Returns where a value or its key starts. For a missing value it is the nearest existing ancestor.
 */
function findOffset(document: Document.Parsed, { path, atKey }: ManifestFinding): number {
  let place: Place = { node: document.contents, offset: findStart(document.contents) ?? 0 };
  for (const [depth, key] of path.entries()) {
    const next = stepInto(document, place, key);
    if (next === undefined) return place.offset;
    if (atKey && depth === path.length - 1 && next.keyOffset !== undefined) return next.keyOffset;
    place = next;
  }

  return place.offset;
}

/** A node and where it starts. For a value of a mapping, `keyOffset` is where its key starts. */
interface Place {
  node: unknown;
  offset: number;
  keyOffset?: number;
}

function stepInto(
  document: Document.Parsed,
  { node: at, offset }: Place,
  key: KeyPath[number],
): Place | undefined {
  const node = isAlias(at) ? at.resolve(document) : at;
  if (!isCollection(node)) return undefined;

  if (!isMap(node)) {
    const item = node.items[Number(key)];
    return { node: item, offset: findStart(item) ?? offset };
  }

  const pair = (node.items as Pair[]).findLast((item) => formatKey(item) === String(key));
  if (pair === undefined) return undefined;

  const keyOffset = findStart(pair.key) ?? offset;
  const { value } = pair;
  // An empty value starts after the colon, where no reader looks.
  const isEmpty = isScalar(value) && value.value === null;

  return { node: value, offset: isEmpty ? keyOffset : (findStart(value) ?? keyOffset), keyOffset };
}
