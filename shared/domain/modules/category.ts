import { byName, type FilterTests, matchesName } from '../../base/filters.ts';

export interface Category {
  account: string;
  slug: string;
  position: number;
  /** When a module last came into it; null before the first. */
  module_added_at: string | null;
  created_at: string;
}

export const categoryFilters = { name: byName } as const;

export const categoryTests: FilterTests<Category, typeof categoryFilters> = {
  name: ({ slug }, name) => matchesName(name, slug),
};
