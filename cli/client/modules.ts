import type { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { listNearest } from '../../shared/base/nearest.ts';
import type { versionsAnswer } from '../../shared/contract/modules/index.ts';
import type { Api } from './api.ts';

type VersionsPage = z.infer<typeof versionsAnswer>;
export type Versions = Omit<VersionsPage, 'next_cursor'>;

/**
 * Yields the versions of a module, newest first, page by page. The first page has the candidates
 * and the warnings.
 */
async function* readVersionPages(
  { client, responses }: Api,
  module: string,
  filters: Record<string, string | undefined> = {},
): AsyncGenerator<VersionsPage> {
  let cursor: string | undefined;
  do {
    const page = await client.get(
      responses.versions,
      `/modules/${encodeURIComponent(module)}/versions`,
      { ...filters, cursor },
    );

    yield page;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

/** Returns all versions of a module, newest first, its candidates and the warnings about it. */
export async function listVersions(
  api: Api,
  module: string,
  filters: Record<string, string | undefined> = {},
): Promise<Versions> {
  const pages = await Array.fromAsync(readVersionPages(api, module, filters));
  return {
    versions: pages.flatMap(({ versions }) => versions),
    candidates: pages.flatMap(({ candidates }) => candidates),
    moved_tags: pages.flatMap(({ moved_tags }) => moved_tags),
    warnings: pages.flatMap(({ warnings }) => warnings),
  };
}

/** Returns the id of a version that is written as an id or as `<module>@<version or tag>`. */
export async function resolveVersionId(api: Api, written: string): Promise<string> {
  if (written.startsWith('ver_')) return written;

  const at = written.lastIndexOf('@');
  if (at < 1) {
    throw new GantryError(
      'usage',
      `expected <module>@<version> or the id of a version, found "${written}"`,
    );
  }

  const [module, wanted] = [written.slice(0, at), written.slice(at + 1)];
  const known: string[] = [];
  let tagged: string | undefined;

  for await (const { versions } of readVersionPages(api, module)) {
    const version = versions.find(
      ({ version_string, tags }) => version_string === wanted || tags.includes(wanted),
    );
    if (version !== undefined) return version.id;
    tagged ??= versions.find(({ tags }) => tags.includes(`v${wanted}`))?.version_string;
    known.push(...versions.map(({ version_string }) => version_string));
  }

  const found =
    tagged === undefined
      ? listNearest(wanted, known)
      : `${tagged}, which has the tag v${wanted} too. One artifact is one version: use ${module}@${tagged}, or change the module and push it again`;
  throw new GantryError('not_found', `expected a version ${wanted} of ${module}, found ${found}`);
}

/**
 * Returns the id of a version that is written as `resolveVersionId` takes it, or as the name of its
 * module: then that of the live version, else of the newest.
 */
export async function resolveVersionOrModule(api: Api, written: string): Promise<string> {
  if (written.startsWith('ver_') || written.includes('@')) return resolveVersionId(api, written);

  const path = `/modules/${encodeURIComponent(written)}`;
  const { module } = await api.client.get(api.responses.module, path);
  if (module.live_version_id !== null) return module.live_version_id;

  const page = await api.client.get(api.responses.versions, `${path}/versions`, { limit: '1' });
  const [newest] = page.versions;
  if (newest !== undefined) return newest.id;

  throw new GantryError('not_found', `expected a version of ${written}, found none`);
}

/** Splits `<name>`, or `<account>/<name>` of another account, into the parts of an API call. */
export function parseModuleName(written: string): { name: string; account: string | undefined } {
  const slash = written.indexOf('/');
  return slash === -1
    ? { name: written, account: undefined }
    : { name: written.slice(slash + 1), account: written.slice(0, slash) };
}
