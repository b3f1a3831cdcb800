import type { z } from 'zod';
import type { versionsAnswer } from '../../shared/contract/modules/index.ts';
import type { Api } from '../client/api.ts';

type VersionsPage = z.infer<typeof versionsAnswer>;
export type Versions = Omit<VersionsPage, 'next_cursor'>;

/** A module's versions, newest first, page by page; the first page has the candidates. */
export async function* versionPages(
  { client, answers }: Api,
  module: string,
): AsyncGenerator<VersionsPage> {
  let cursor: string | undefined;
  do {
    const page = await client.get(
      answers.versions,
      `/modules/${encodeURIComponent(module)}/versions`,
      { cursor },
    );
    yield page;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

/** All versions of a module, newest first, and its candidates. */
export async function versionsOf(api: Api, module: string): Promise<Versions> {
  const pages = await Array.fromAsync(versionPages(api, module));
  return {
    versions: pages.flatMap(({ versions }) => versions),
    candidates: pages.flatMap(({ candidates }) => candidates),
  };
}
