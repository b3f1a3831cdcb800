import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { listSome } from '../../base/list-some.ts';
import { notFoundError } from '../../base/not-found.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { UpdateCategoryBody } from '../../contract/modules/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Category, Module } from '../../domain/modules/index.ts';
import {
  categoryEvent,
  createCategory,
  getCategory,
  listCategories,
  moveCategory,
  removeCategory,
} from '../../store/accounts/index.ts';
import { eachModule, putRegistration } from '../../store/modules/index.ts';
import { transact, type Write } from '../../store/table/index.ts';
import { later, nowIso, type Services } from '../context/index.ts';

/**
 * Renames a category with its modules, or moves one without modules: the position decides which
 * layer wins, and such a change of compositions is not previewed here.
 * @throws GantryError `not_found`, `already_exists`, `in_use`, or `change_too_wide` for more
 * modules than one transaction can rename
 */
export async function updateCategory(
  services: Services,
  caller: Caller,
  slug: string,
  set: UpdateCategoryBody,
): Promise<Category> {
  return retryConflicts(async () => {
    const category = await requireCategory(services, caller.account, slug);
    const next = { ...category, ...set };
    const modules = await modulesOf(services, category);
    if (next.position !== category.position) refuseUsed(category, modules);

    const writes = changeWrites(services, caller, { category, next, modules });
    if (writes.length > 0) await transact(services.db, writes);
    return next;
  });
}

/**
 * Deletes a category without modules.
 * @throws GantryError `not_found`, or `in_use` with the modules that it has
 */
export async function deleteCategory(
  services: Services,
  { account, actor }: Caller,
  slug: string,
): Promise<void> {
  await retryConflicts(async () => {
    const category = await requireCategory(services, account, slug);
    refuseUsed(category, await modulesOf(services, category));

    const { position } = category;
    await transact(services.db, [
      removeCategory(category),
      categoryEvent(category, { actor, at: nowIso(services) }, 'deleted', { position }),
    ]);
  });
}

async function requireCategory(
  services: Services,
  account: string,
  slug: string,
): Promise<Category> {
  const category = await getCategory(services.db, account, slug);
  if (category !== null) return category;

  const known = (await listCategories(services.db, account)).map((one) => one.slug);
  throw notFoundError('category', { account, name: slug, known });
}

/**
 * The modules of a category. Throws `in_use` if one came into it so recently that the index may
 * lack it.
 */
async function modulesOf(services: Services, category: Category): Promise<Module[]> {
  const { account, slug, module_added_at } = category;
  if (module_added_at !== null && module_added_at > later(services, -limits.indexSettleSeconds)) {
    throw new GantryError(
      'in_use',
      `category "${slug}" got a module moments ago; retry in ${limits.indexSettleSeconds} seconds`,
    );
  }

  const modules: Module[] = [];
  for await (const module of eachModule(services.db, account)) {
    if (module.category === slug) modules.push(module);
  }
  return modules;
}

function refuseUsed({ slug }: Category, modules: readonly Module[]): void {
  if (modules.length === 0) return;
  const names = modules.map(({ name }) => name);
  throw new GantryError(
    'in_use',
    `expected a category without modules, found "${slug}" with ${listSome(names)}; run \`gantry module update <name> --category <slug>\` for each`,
    { found: names },
  );
}

function changeWrites(
  services: Services,
  { actor }: Caller,
  { category, next, modules }: { category: Category; next: Category; modules: Module[] },
): Write[] {
  const at = nowIso(services);
  const cause = { actor, at };
  const moved = { from: category.position, to: next.position };
  const movedEvent = categoryEvent(next, cause, 'moved', moved);

  if (next.slug === category.slug)
    return moved.from === moved.to ? [] : [moveCategory(category, moved.to), movedEvent];

  const writes = [
    createCategory(next),
    removeCategory(category),
    ...modules.map((module) => {
      const { policy_version } = module;
      return putRegistration(module, { category: next.slug, policy_version, updated_at: at });
    }),
    categoryEvent(next, cause, 'renamed', { from: category.slug, to: next.slug }),
    ...(moved.from === moved.to ? [] : [movedEvent]),
  ];

  const most = limits.operationWritesMax;
  if (writes.length <= most) return writes;
  throw new GantryError(
    'change_too_wide',
    `expected a category with few enough modules to rename it in ${most} writes, found ${modules.length} modules`,
    { expected: most, found: writes.length },
  );
}
