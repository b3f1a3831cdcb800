import { z } from 'zod';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { pullScope } from './auth.ts';
import { nextPage, type RegistryConnection } from './connection.ts';
import { concernsOne, readError, requireDocument } from './failure.ts';
import {
  annotations,
  type Descriptor,
  descriptor,
  mediaTypes,
  neither,
  parseJson,
} from './schema.ts';
import { contentType, discard, type HttpResponse } from './transport.ts';

/** An entry of a list of referrers that cannot be read. */
export interface UnreadableEntry {
  /** The digest that the entry names; null if it names none. */
  claimedDigest: string | null;
  error: GantryError;
}

/** A list of referrers, as its registry sent it and as far as Gantry can read it. */
export interface ReferrerList {
  entries: unknown[];
  descriptors: Descriptor[];
  unreadable: UnreadableEntry[];
}

/**
 * Lists referrers by the referrers API (distribution 1.1, "Listing Referrers"). Returns null when
 * the registry has no such API. It stops after about `limits.referrersMax` referrers, so an endless
 * list cannot hold a worker. A later page that the registry refuses hides no earlier one.
 * @throws GantryError `registry_*` of the first page, or if the connection fails
 */
export async function readReferrers(
  registry: RegistryConnection,
  repository: string,
  digest: string,
): Promise<ReferrerList | null> {
  const artifact = { repository, digest };
  const first = registry.url(repository, `referrers/${digest}`);
  const { list: found, answer, noRoute } = await readPage(registry, artifact, first);
  if (found === null) {
    if (noRoute) registry.memory.withoutReferrers.set(repository, true);
    return null;
  }

  const asked = new Set([first.href]);
  const { referrerPagesMax, referrersMax } = limits;
  const hasRoom = () => asked.size < referrerPagesMax && found.entries.length < referrersMax;
  const note = (error: GantryError) => found.unreadable.push({ claimedDigest: null, error });

  try {
    let url = findNextPage(first, answer);
    while (url !== null && hasRoom() && !asked.has(url.href)) {
      asked.add(url.href);
      const page = await readPage(registry, artifact, url);
      if (page.list === null) {
        note(refusedPage(registry, artifact, asked.size));
        break;
      }

      found.entries.push(...page.list.entries);
      found.descriptors.push(...page.list.descriptors);
      found.unreadable.push(...page.list.unreadable);
      url = findNextPage(url, page.answer);
    }
  } catch (error) {
    if (!concernsOne(error)) throw error;
    note(error);
  }

  return found;
}

/** The response of another host that failed names no next page. */
function findNextPage(url: URL, answer: HttpResponse): URL | null {
  return answer.status === 200 ? nextPage(url, answer) : null;
}

/** A list that began does not end with a refusal: what the page lists is unknown. */
function refusedPage(
  { host }: RegistryConnection,
  { repository, digest }: { repository: string; digest: string },
  page: number,
): GantryError {
  const what = `page ${page} of the referrers of ${repository}@${digest}`;
  return new GantryError('registry_error', `${host} did not return ${what}`, { details: { host } });
}

interface Page {
  /** Null where the registry has no such API. */
  list: ReferrerList | null;
  answer: HttpResponse;
  /** The registry lacks the API for each digest. */
  noRoute: boolean;
}

async function readPage(
  registry: RegistryConnection,
  { repository, digest }: { repository: string; digest: string },
  url: URL,
): Promise<Page> {
  const answer = await registry.send(pullScope(repository), () => ({
    method: 'GET',
    url,
    headers: { accept: mediaTypes.index },
  }));

  const what = `the referrers of ${repository}@${digest}`;
  const sentAway = answer.url.origin !== url.origin;

  // The specification says 404 for "no such API", but older registries and proxies use other
  // statuses.
  if (sentAway && isBusy(answer.status) && !isPageOfGitHub(url, answer.url)) {
    // The other host may have the list. What the registry itself has counts meanwhile.
    const unreadable = [{ claimedDigest: null, error: await readError(answer, what) }];
    return { list: { entries: [], descriptors: [], unreadable }, answer, noRoute: false };
  }

  if (absentStatuses.includes(answer.status) || (sentAway && answer.status !== 200)) {
    await discard(answer);
    return { list: null, answer, noRoute: hasNoRoute(url, answer) };
  }

  if (answer.status !== 200) throw await readError(answer, what);

  // A page of the registry's own host may be a login. One of another host says nothing about it.
  if (!sentAway) await requireDocument(answer, what);
  const bytes = await registry.read(answer);
  // A catch-all route that returns text is no referrers API either.
  if (!isJson(answer)) return { list: null, answer, noRoute: false };

  const list = parseReferrers(bytes, `the referrers of ${digest}`);
  return { list, answer, noRoute: false };
}

const absentStatuses = [400, 404, 405, 406, 410, 415, 501];

function isBusy(status: number): boolean {
  return [408, 425, 429].includes(status) || (status >= 500 && status !== 501);
}

/**
 * GHCR redirects each request for referrers to a page of github.com, which limits the rate of
 * requests: its refusal says nothing about the registry. GitHub Enterprise Server has
 * `containers.<host>`.
 */
function isPageOfGitHub(registry: URL, page: URL): boolean {
  return registry.hostname === 'ghcr.io'
    ? page.hostname === 'github.com'
    : registry.hostname === `containers.${page.hostname}`;
}

/**
 * True if the response concerns the API, not the digest: another host, or no error in the format of
 * registries (distribution 1.1, "Error Codes").
 */
function hasNoRoute(asked: URL, answer: HttpResponse): boolean {
  return answer.url.origin !== asked.origin || !isJson(answer);
}

function isJson(answer: HttpResponse): boolean {
  return /json/.test(contentType(answer));
}

const referrerList = z.looseObject({
  schemaVersion: z.literal(2),
  manifests: z.array(z.unknown()).nullish(),
  config: neither,
  layers: neither,
});

// What the manifest itself says again is no reason to refuse an entry.
const referrerEntry = descriptor.extend({
  artifactType: z.string().optional().catch(undefined),
  annotations: annotations.nullish().catch(undefined),
});

/**
 * Reads a list of referrers entry by entry: one that Gantry cannot read hides no other
 * (opencontainers/distribution-spec#494).
 * @throws GantryError `registry_response_invalid` when the bytes are no such list
 */
export function parseReferrers(bytes: Uint8Array, what: string): ReferrerList {
  const { manifests } = parseJson(referrerList, bytes, `${what} to be an OCI index`);
  const list: ReferrerList = { entries: manifests ?? [], descriptors: [], unreadable: [] };

  for (const [index, entry] of list.entries.entries()) {
    const parsed = referrerEntry.safeParse(entry);
    if (parsed.success) {
      list.descriptors.push(parsed.data);
      continue;
    }

    const where = ['manifests', index, ...(parsed.error.issues[0]?.path ?? [])].join('.');
    const message = `expected ${what} to be an OCI index: at ${where}: ${parsed.error.issues[0]?.message}`;
    const error = new GantryError('registry_response_invalid', message);
    list.unreadable.push({ claimedDigest: digestIn(entry), error });
  }

  return list;
}

/** The digest that an entry names, cut to the length of the longest one in use. */
function digestIn(entry: unknown): string | null {
  const { data } = z.object({ digest: z.string().min(1) }).safeParse(entry);
  return data === undefined ? null : data.digest.slice(0, 140).toWellFormed();
}
