import type { CreateCategoryBody } from '../../contract/modules/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Category } from '../../domain/modules/index.ts';
import { categoryEvent, createCategory as creation } from '../../store/accounts/index.ts';
import { commit, nowIso, type Services } from '../context/index.ts';

/**
 * Adds a category to the caller's account.
 *
 * @throws GantryError `already_exists` when the slug is taken
 */
export async function createCategory(
  services: Services,
  caller: Caller,
  input: CreateCategoryBody,
): Promise<Category> {
  const at = nowIso(services);
  const { account, actor } = caller;

  const category: Category = {
    account,
    slug: input.slug,
    position: input.position,
    module_added_at: null,
    created_at: at,
  };

  const data = { position: category.position };
  return commit(
    services,
    [creation(category), categoryEvent(category, { actor, at }, 'created', data)],
    category,
  );
}
