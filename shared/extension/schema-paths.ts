import type { KeyPath } from '../manifest/index.ts';
import { extensionManifestJsonSchema } from './schema.ts';

/** The parts of a JSON Schema that lead from a key path to what is written there. */
interface Node {
  $ref?: string;
  type?: string;
  enum?: readonly unknown[];
  properties?: Record<string, Node>;
  items?: Node;
  anyOf?: readonly Node[];
  additionalProperties?: Node | boolean;
  $defs?: Record<string, Node>;
}

const root = extensionManifestJsonSchema() as Node;

/** Whether the value at a path is text, also where YAML reads 4.20 or 0123 as a number. */
export function isTextAt(path: KeyPath): boolean {
  return nodesAt(path).some(({ type }) => type === 'string');
}

/** The words that the value at a path may be; empty if it is no enumeration. */
export function wordsAt(path: KeyPath): readonly string[] {
  const words = nodesAt(path).flatMap((node) => node.enum ?? []);
  return words.filter((word) => typeof word === 'string');
}

/** Every form that the value at a path may have. */
function nodesAt(path: KeyPath): readonly Node[] {
  return path.reduce<readonly Node[]>(
    (nodes, key) => nodes.flatMap((node) => formsOf(stepInto(node, key))),
    [root],
  );
}

function stepInto(node: Node, key: KeyPath[number]): Node | undefined {
  if (typeof key === 'number') return node.items;
  const named = node.properties;
  if (named !== undefined && Object.hasOwn(named, key)) return named[String(key)];
  return typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
}

function formsOf(node: Node | undefined): readonly Node[] {
  if (node === undefined) return [];
  if (node.$ref !== undefined) return formsOf(root.$defs?.[node.$ref.replace('#/$defs/', '')]);
  return node.anyOf === undefined ? [node] : node.anyOf.flatMap(formsOf);
}
