import { limits } from '../base/limits/index.ts';
import { isTag } from '../domain/modules/index.ts';
import { pullScope } from './auth.ts';
import { nextPage, type RegistryConnection } from './connection.ts';
import { readError } from './failure.ts';
import { parseJson, tagPage } from './schema.ts';
import { type HttpResponse, header } from './transport.ts';

/**
 * The tags of a repository in the registry's order. `truncated` when there are more than
 * `limits.tagsMax`.
 */
export interface TagList {
  tags: string[];
  truncated: boolean;
}

/**
 * Reads the tags of a repository page by page (distribution 1.1, "Listing Tags"). @throws
 * GantryError `registry_*`
 */
export async function readTags(registry: RegistryConnection, repository: string): Promise<TagList> {
  const tags = new Set<string>();
  const what = `the tags of ${repository}`;
  const first = registry.url(repository, 'tags/list');
  const sized = new URL(first);

  sized.searchParams.set('n', String(limits.tagPageSize));

  const request = (url: URL) =>
    registry.send(pullScope(repository), () => ({ method: 'GET', url }));
  let url = sized;
  let answer = await request(url);

  if (rejectsPageSize(answer)) {
    await readError(answer, what);
    url = first;
    answer = await request(url);
  }

  for (;;) {
    if (answer.status !== 200) throw await readError(answer, what);

    const link = header(answer, 'link');
    const page = parseJson(tagPage, await registry.read(answer), `${what} to be a list`);
    const before = tags.size;
    if (addTags(tags, page.tags ?? []) === 'full') return { tags: [...tags], truncated: true };

    const next = nextPage(url, link);
    // A page without new tags ends the list, so a registry that repeats pages cannot hold a worker.
    if (next === null || tags.size === before) return { tags: [...tags], truncated: false };

    url = next;
    answer = await request(url);
  }
}

/**
 * Adds the names of a page that are valid tags. Others could not be requested, or would change the
 * URL.
 */
function addTags(tags: Set<string>, names: readonly string[]): 'full' | 'added' {
  for (const name of names.filter(isTag)) {
    if (tags.size === limits.tagsMax && !tags.has(name)) return 'full';
    tags.add(name);
  }
  return 'added';
}

/** Some registries allow only a smaller `n`, or none (distribution: PAGINATION_NUMBER_INVALID). */
function rejectsPageSize(answer: HttpResponse): boolean {
  return [400, 405, 406, 413, 414, 416, 422].includes(answer.status);
}
