import { isGantryError } from '../../base/error.ts';
import { shippedTrust } from '../../signature/index.ts';
import { etagOf, getBytes, objectKeys, putLatest } from '../../store/objects.ts';
import { type OpenedTrust, openTrustState, updateTrustState } from '../../tuf/index.ts';
import type { Services } from '../context/index.ts';
import { guardedDownload } from '../registries/index.ts';

/** The public-good trust root, as verdicts use it. */
export interface TrustRoot {
  /** `trusted_root.json`, parsed. */
  root: unknown;
  /** SHA-256 of its bytes. */
  version: string;
  /** Until when it counts as fresh; null for the shipped copy, whose age nobody knows. ISO 8601. */
  fresh_until: string | null;
}

/** What a process read last, by bucket: read again only when the object's ETag is another. */
const opened = new Map<string, { etag: string; trust: OpenedTrust | null }>();

/**
 * The newest public-good trust root that a refresh stored, else the shipped copy. What is stored is verified up from the
 * shipped root; what does not verify is passed over.
 * @param anchor TUF root metadata to verify from, JSON text
 */
export async function publicTrustRoot(
  services: Services,
  anchor = shippedTrust().root,
): Promise<TrustRoot> {
  const trust = await storedTrust(
    services,
    anchor,
    await etagOf(services.objects, objectKeys.publicTrustRoot()),
  );
  if (trust !== null)
    return { root: trust.trustedRoot, version: trust.version, fresh_until: trust.fresh_until };
  const { trustedRoot, version } = shippedTrust();
  return { root: trustedRoot, version, fresh_until: null };
}

async function storedTrust(
  services: Services,
  anchor: string,
  etag: string | null,
): Promise<OpenedTrust | null> {
  if (etag === null) return null;
  const { bucket } = services.objects;
  const known = opened.get(bucket);
  if (known?.etag === etag) return known.trust;
  const bytes = await getBytes(services.objects, objectKeys.publicTrustRoot());
  const trust = openOrNull(bytes, anchor);
  opened.set(bucket, { etag, trust });
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
  /** Whether the trust root is another than before. */
  changed: boolean;
  version: string;
  fresh_until: string;
}

/**
 * Fetches the public-good trust root through TUF and stores it with the metadata that the next refresh must not go below.
 * Of two refreshes at once one is told `conflict`. What fails leaves in place what is stored.
 * @throws GantryError `trust_root_unreachable`, `trust_root_refused`, `conflict`
 */
export async function refreshTrustRoot(
  services: Services,
  anchor = shippedTrust().root,
): Promise<Refresh> {
  const { objects, settings } = services;
  const key = objectKeys.publicTrustRoot();
  // Read before its bytes: whoever replaces them from now on has this refresh fail.
  const etag = await etagOf(objects, key);
  const stored = await storedTrust(services, anchor, etag);
  const options = { mirror: settings.trustRootMirror, anchor, download: guardedDownload(services) };
  const state = await updateTrustState(stored?.state ?? null, options);
  const { version, fresh_until } = openTrustState(state, anchor);
  await putLatest(objects, key, JSON.stringify(state), 'application/json', etag);
  return { changed: version !== (stored?.version ?? shippedTrust().version), version, fresh_until };
}

/** Days until a refresh of the stored trust root is overdue; negative past it, 0 where none was ever stored. */
export function trustRootDaysLeft({ fresh_until }: TrustRoot, now: Date): number {
  return fresh_until === null ? 0 : (Date.parse(fresh_until) - now.getTime()) / (24 * 3600 * 1000);
}
