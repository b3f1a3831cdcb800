import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundSignature, SignaturePolicy } from '../shared/domain/signatures/index.ts';

/** A case of test/fixtures/cosign/index.json; see its README. */
export interface CosignCase {
  name: string;
  repository: string;
  tag: string;
  digest: string;
  digest_before?: string;
  expected: 'pass' | 'fail';
  pull: 'ok' | 'layer-digest-mismatch';
  identity_regexp: string | null;
  issuer_regexp: string | null;
  public_key: string | null;
  ignore_tlog: boolean;
  children?: string[];
  layout: string;
}

export const cosignFixtures = join(import.meta.dirname, '../test/fixtures/cosign');

export function readFixture(path: string): string {
  return readFileSync(join(cosignFixtures, path), 'utf8');
}

export const cosignCases: CosignCase[] = JSON.parse(readFixture('index.json')).cases;
export const trustedRoot: unknown = JSON.parse(readFixture('trust/trusted_root.json'));

export function cosignCase(name: string): CosignCase {
  const found = cosignCases.find((entry) => entry.name === name);
  if (!found) throw new Error(`no case ${name}`);
  return found;
}

/** The policy of a case, in the form of a registration. */
export function policyOf(
  entry: CosignCase,
  changes: Partial<SignaturePolicy> = {},
): SignaturePolicy {
  const { identity_regexp, issuer_regexp, public_key } = entry;
  return {
    identities: identity_regexp && issuer_regexp ? [{ identity_regexp, issuer_regexp }] : [],
    keys: public_key ? [readFixture(public_key)] : [],
    require_tlog: !entry.ignore_tlog,
    trusted_root: trustedRoot,
    ...changes,
  };
}

interface LayoutDescriptor {
  digest: string;
  mediaType: string;
  annotations?: Record<string, string>;
}

/**
 * Returns a case's signatures directly from its layout, as a registry with fallback tags would
 * return them.
 */
export function foundSignaturesOf(entry: CosignCase, digest = entry.digest): FoundSignature[] {
  const blob = (name: string) =>
    readFileSync(join(cosignFixtures, entry.layout, 'blobs', name.replace(':', '/')));
  const json = (name: string) => JSON.parse(blob(name).toString('utf8'));
  const tags = new Map<string, string>();
  const { manifests } = JSON.parse(readFixture(join(entry.layout, 'index.json')));
  for (const { digest, annotations } of manifests as LayoutDescriptor[]) {
    const tag = annotations?.['org.opencontainers.image.ref.name'];
    if (tag) tags.set(tag, digest);
  }
  const candidates: FoundSignature[] = [];
  const fallback = tags.get(digest.replace(':', '-'));
  for (const referrer of (fallback ? json(fallback).manifests : []) as LayoutDescriptor[]) {
    const bundle = json(json(referrer.digest).layers[0].digest);
    candidates.push({
      format: 'bundle',
      source: 'fallback_tag',
      claimed_digest: referrer.digest,
      bundle,
    });
  }
  for (const kind of ['sig', 'att']) {
    const legacy = tags.get(`${digest.replace(':', '-')}.${kind}`);
    for (const layer of (legacy ? json(legacy).layers : []) as LayoutDescriptor[]) {
      candidates.push({
        format: 'legacy',
        source: 'legacy_tag',
        claimed_digest: layer.digest,
        payload: blob(layer.digest).toString('base64'),
        annotations: layer.annotations ?? {},
      });
    }
  }
  return candidates;
}

/** A case's bundles, each with the digest that its statement is about. */
export function readBundles(entry: CosignCase): { bundle: unknown; subject: string }[] {
  return foundSignaturesOf(entry).flatMap((candidate) => {
    if (candidate.format !== 'bundle') return [];
    const { dsseEnvelope } = candidate.bundle as { dsseEnvelope: { payload: string } };
    const { subject } = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString('utf8'));
    return [{ bundle: candidate.bundle, subject: `sha256:${subject[0].digest.sha256}` }];
  });
}
