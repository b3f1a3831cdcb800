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
  const found: ReferrerList = { entries: [], descriptors: [], unreadable: [] };
  const asked = new Set<string>();
  let answered = false;
  const { referrerPagesMax, referrersMax } = limits;
  const hasRoom = () => asked.size < referrerPagesMax && found.entries.length < referrersMax;

  let url: URL | null = registry.url(repository, `referrers/${digest}`);
  while (url !== null && hasRoom() && !asked.has(url.href)) {
    asked.add(url.href);
    try {
      const page = await readPage(registry, { repository, digest }, url);
      if (page === null && !answered) return null;
      if (page === null) {
        const error = refusedPage(registry, { repository, digest }, asked.size);
        found.unreadable.push({ claimedDigest: null, error });
        return found;
      }

      answered = true;
      found.entries.push(...page.list.entries);
      found.descriptors.push(...page.list.descriptors);
      found.unreadable.push(...page.list.unreadable);
      url = nextPage(url, page.answer);
    } catch (error) {
      if (!answered || !concernsOne(error)) throw error;
      found.unreadable.push({ claimedDigest: null, error });
      url = null;
    }
  }

  return found;
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

/** Returns null where the registry has no such API. */
async function readPage(
  registry: RegistryConnection,
  { repository, digest }: { repository: string; digest: string },
  url: URL,
): Promise<{ list: ReferrerList; answer: HttpResponse } | null> {
  const answer = await registry.send(pullScope(repository), () => ({
    method: 'GET',
    url,
    headers: { accept: mediaTypes.index },
  }));

  // The specification says 404 for "no such API", but older registries and proxies use other
  // statuses. GHCR redirects to a page of github.com, which limits the rate of requests: its
  // refusal says nothing about the registry.
  const sentAway = answer.url.origin !== url.origin && answer.status !== 200;
  if (sentAway || [400, 404, 405, 406, 410, 415, 501].includes(answer.status)) {
    await discard(answer);
    return null;
  }

  if (answer.status !== 200)
    throw await readError(answer, `the referrers of ${repository}@${digest}`);

  // A page of the registry's own host may be a login. One of another host says nothing about it.
  if (answer.url.origin === url.origin)
    await requireDocument(answer, `the referrers of ${repository}@${digest}`);
  const bytes = await registry.read(answer);
  // A catch-all route that returns text is no referrers API either.
  if (!/json/.test(contentType(answer))) return null;

  return { list: parseReferrers(bytes, `the referrers of ${digest}`), answer };
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
