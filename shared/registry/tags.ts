import { limits } from '../base/limits/index.ts';
import { isTag, readTag } from '../domain/modules/index.ts';
import { pullScope } from './auth.ts';
import { nextPage, type RegistryConnection } from './connection.ts';
import { concernsOne, readError, requireDocument } from './failure.ts';
import { parseJson, tagPage } from './schema.ts';
import { discard, type HttpResponse } from './transport.ts';

/**
 * The tags of a repository in the registry's order: those that can name versions, and as many of
 * the others as are shown. Tags of signatures are left out.
 */
export interface TagList {
  tags: string[];
  /** Why the list may lack tags; null if it is complete. */
  cut: string | null;
}

export interface TagListOptions {
  /** A tag to keep as well, whatever it names. */
  find?: string;
  /** Ends the list after a page when its time is spent. */
  spent?: () => boolean;
}

/**
 * Reads the tags of a repository page by page (distribution 1.1, "Listing Tags"). A page may be
 * empty and name a next one. A later page that the registry refuses hides no tag of the earlier
 * ones.
 * @throws GantryError `registry_*` of the first page, or if the connection fails
 */
export async function readTags(
  registry: RegistryConnection,
  repository: string,
  { find, spent = () => false }: TagListOptions = {},
): Promise<TagList> {
  const kept = new KeptTags(find);
  const read = new Set<string>();
  const end = (cut: string | null): TagList => ({ tags: [...kept.tags], cut });
  let found = false;

  let { url, answer } = await openList(registry, repository);
  for (;;) {
    read.add(url.href);
    try {
      const names = await readNames(registry, repository, answer);
      found = true;
      const full =
        kept.add(names) === 'full' ? `more than ${limits.tagsMax} tags name versions` : null;
      const next = nextPage(url, answer);
      const cut = full ?? findCut(next, read, spent);
      if (next === null || cut !== null) return end(cut);
      url = next;
    } catch (error) {
      if (!found || !concernsOne(error)) throw error;
      return end(`page ${read.size} could not be read: ${error.message}`);
    }
    answer = await request(registry, repository, url);
  }
}

/** Returns why a list ends before its next page; null if that page is read, or there is none. */
function findCut(next: URL | null, read: ReadonlySet<string>, spent: () => boolean): string | null {
  if (next === null) return null;
  if (read.has(next.href)) return 'its pages lead back to one that was read';
  if (read.size === limits.tagPagesMax) return `it has over ${limits.tagPagesMax} pages`;
  return spent() ? `its first ${read.size} pages took all the time of a poll` : null;
}

/** Requests the first page. Some registries refuse the size of a page that Gantry asks for. */
async function openList(registry: RegistryConnection, repository: string) {
  const url = registry.url(repository, 'tags/list');
  const sized = new URL(url);
  sized.searchParams.set('n', String(limits.tagPageSize));

  const answer = await request(registry, repository, sized);
  if (!rejectsPageSize(answer)) return { url: sized, answer };

  await discard(answer);
  return { url, answer: await request(registry, repository, url) };
}

function request(registry: RegistryConnection, repository: string, url: URL) {
  return registry.send(pullScope(repository), () => ({ method: 'GET', url }));
}

async function readNames(
  registry: RegistryConnection,
  repository: string,
  answer: HttpResponse,
): Promise<readonly string[]> {
  const what = `the tags of ${repository}`;
  if (answer.status !== 200) throw await readError(answer, what);
  await requireDocument(answer, what);

  const page = parseJson(tagPage, await registry.read(answer), `${what} to be a list`);
  return page.tags ?? [];
}

/** What tags count as in a list, by their kind, and how many of each a list has. */
const groups = {
  version: 'versions',
  commit: 'versions',
  digits: 'digits',
  ignored: 'ignored',
  signature: 'signatures',
} as const;
const most = {
  versions: limits.tagsMax,
  // Few modules take them as commits, so they must not cut the list of others.
  digits: limits.tagsMax,
  ignored: limits.ignoredTagsShown,
  signatures: 0,
};

/** The tags of a list. Only those that name versions of every module cut it. */
class KeptTags {
  readonly tags = new Set<string>();
  readonly #find: string | undefined;
  readonly #counts = { versions: 0, digits: 0, ignored: 0, signatures: 0 };

  constructor(find: string | undefined) {
    this.#find = find;
  }

  add(names: readonly string[]): 'full' | 'added' {
    // Other names could not be requested, or would change the URL.
    for (const name of names.filter(isTag)) {
      if (name === this.#find) this.tags.add(name);
      if (this.tags.has(name)) continue;

      const group = groups[readTag(name).kind];
      if (this.#counts[group] < most[group]) {
        this.#counts[group] += 1;
        this.tags.add(name);
      } else if (group === 'versions') return 'full';
    }
    return 'added';
  }
}

/** Some registries allow only a smaller `n`, or none (distribution: PAGINATION_NUMBER_INVALID). */
function rejectsPageSize(answer: HttpResponse): boolean {
  return [400, 405, 406, 413, 414, 416, 422].includes(answer.status);
}
