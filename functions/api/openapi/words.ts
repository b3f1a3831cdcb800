import { moduleWords } from './words-modules.ts';
import { operationWords } from './words-operations.ts';
import { peopleWords } from './words-people.ts';
import { templateWords } from './words-templates.ts';

const words: ReadonlyMap<string, readonly [string, unknown?]> = new Map([
  ...Object.entries(peopleWords),
  ...Object.entries(moduleWords),
  ...Object.entries(templateWords),
  ...Object.entries(operationWords),
]);

/** @param schema the nearest schema with a name */
export function wordsOf(name: string, schema: string) {
  return words.get(`${schema}.${name}`) ?? words.get(name);
}
