import { GantryError } from '../../../shared/base/error.ts';
import type { ProgramName } from '../programs.ts';
import { forms } from './forms.ts';
import { findLimit } from './limits.ts';
import { registries } from './registries.ts';
import { tools } from './tools.ts';

export type Tool = (typeof tools)[number];
export type Registry = (typeof registries)[number];
export type Form = (typeof forms)[number];

/** A module that a tool pushes to a registry, signed in one form. */
export interface Cell {
  tool: Tool;
  registry: Registry;
  form: Form;
  /** Why it cannot work; absent if it should. */
  limit?: string;
}

/** The names of an axis that a run uses: all, the `only` ones, never those of `without`. */
export interface Choice {
  only: readonly string[];
  without: readonly string[];
}

/**
 * Combines every tool with every registry and every form. Who signed makes no difference to a tool
 * that copies signatures, so copies are made of the two shapes of cosign's keys alone.
 * @throws GantryError `usage` if a chosen name is none of the matrix
 */
export function listCells(choice: Choice): Cell[] {
  const axes = [tools, registries, forms] as const;
  const known: string[] = axes.flatMap((axis) => axis.map(({ name }) => name));
  const unknown = [...choice.only, ...choice.without].find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new GantryError('usage', `expected names out of ${known.join(', ')}, found ${unknown}`);

  const chosen = <Item extends { name: string }>(axis: readonly Item[]): Item[] => {
    const only = axis.filter(({ name }) => choice.only.includes(name));
    const rest = only.length === 0 ? axis : only;
    return rest.filter(({ name }) => !choice.without.includes(name));
  };

  return chosen<Registry>(registries).flatMap((registry) =>
    chosen<Tool>(tools).flatMap((tool) =>
      chosen<Form>(forms)
        .filter(({ name }) => tool.kind !== 'copy' || copiedForms.includes(name))
        .map((form) => {
          const limit = findLimit(tool.name, registry.name, form.name);
          return { tool, registry, form, ...(limit === undefined ? {} : { limit: limit.reason }) };
        }),
    ),
  );
}

const copiedForms: readonly Form['name'][] = ['cosign-key', 'cosign2-key'];

/** The programs that some cells need. */
export function programsOf(cells: readonly Cell[]): Set<ProgramName> {
  return new Set(cells.flatMap(({ tool, registry }) => [...tool.programs, registry.program]));
}
