import { LRUCache } from 'lru-cache';
import { isGantryError } from '../../base/error.ts';
import { dayMs } from '../../base/time.ts';
import { shippedTrust } from '../../signature/index.ts';
import { etagOf, getBytes, objectKeys, replaceLatest } from '../../store/objects.ts';
import { type OpenedTrust, openTrustState, updateTrustState } from '../../tuf/index.ts';
import type { Services } from '../context/index.ts';
import { guardedDownload } from '../registries/index.ts';

/** The public-good trust root, as verdicts use it. */
export interface SigstoreTrustRoot {
  /** `trusted_root.json`, parsed. */
  root: unknown;
  /** SHA-256 of its bytes. */
  version: string;
  /** The end of its freshness (ISO 8601); null for the shipped copy, whose age is unknown. */
  fresh_until: string | null;
}

/**
 * The trust root that this process opened last, by bucket and anchor: it is read again only when
 * the object's ETag has changed. A process has one bucket and one anchor; tests have more.
 */
const opened = new LRUCache<string, { etag: string; trust: OpenedTrust | null }>({ max: 4 });

/**
 * The newest public-good trust root that a refresh stored, else the shipped copy. The stored one is
 * verified from the shipped root up; one that does not verify is ignored.
 * @param anchor TUF root metadata to verify from, JSON text
 */
export async function publicTrustRoot(
  services: Services,
  anchor = shippedTrust().root,
): Promise<SigstoreTrustRoot> {
  const etag = await etagOf(services.objects, objectKeys.publicTrustRoot());
  const trust = await readStoredTrust(services, anchor, etag);
  if (trust !== null)
    return { root: trust.trustedRoot, version: trust.version, fresh_until: trust.fresh_until };

  const { trustedRoot, version } = shippedTrust();
  return { root: trustedRoot, version, fresh_until: null };
}

async function readStoredTrust(
  services: Services,
  anchor: string,
  etag: string | null,
): Promise<OpenedTrust | null> {
  if (etag === null) return null;

  const place = `${services.objects.bucket} ${anchor}`;
  const known = opened.get(place);
  if (known?.etag === etag) return known.trust;

  const bytes = await getBytes(services.objects, objectKeys.publicTrustRoot());
  const trust = openOrNull(bytes, anchor);

  opened.set(place, { etag, trust });
  return trust;
}

function openOrNull(bytes: Uint8Array, anchor: string): OpenedTrust | null {
  try {
    return openTrustState(JSON.parse(Buffer.from(bytes).toString('utf8')), anchor);
  } catch (error) {
    if (error instanceof SyntaxError || isGantryError(error, 'trust_root_refused')) return null;
    throw error;
  }
}

export interface Refresh {
  /** True if the trust root differs from the previous one. */
  changed: boolean;
  version: string;
  fresh_until: string;
}

/**
 * Fetches the public-good trust root through TUF and stores it, with its metadata, which protects
 * the next refresh from a rollback. One of two concurrent refreshes gets `conflict`. A failed
 * refresh does not change the stored root.
 * @throws GantryError `trust_root_unreachable`, `trust_root_refused`, `conflict`
 */
export async function refreshTrustRoot(
  services: Services,
  anchor = shippedTrust().root,
): Promise<Refresh> {
  const { objects, settings } = services;
  const key = objectKeys.publicTrustRoot();
  // Read the tag before the bytes: a write in between makes this refresh fail.
  const etag = await etagOf(objects, key);
  const stored = await readStoredTrust(services, anchor, etag);

  const options = { mirror: settings.trustRootMirror, anchor, download: guardedDownload(services) };
  const state = await updateTrustState(stored?.state ?? null, options);
  const { version, fresh_until } = openTrustState(state, anchor);

  await replaceLatest(
    objects,
    { key, body: JSON.stringify(state), type: 'application/json' },
    etag,
  );
  return { changed: version !== (stored?.version ?? shippedTrust().version), version, fresh_until };
}

/**
 * Days until the stored trust root is overdue for a refresh: negative past it, 0 if none was ever
 * stored.
 */
export function trustRootDaysLeft({ fresh_until }: SigstoreTrustRoot, now: Date): number {
  return fresh_until === null ? 0 : (Date.parse(fresh_until) - now.getTime()) / dayMs;
}
