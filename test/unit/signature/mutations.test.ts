import { describe, expect, test } from 'vitest';
import { cosignCase, foundSignaturesOf, policyOf } from '../../../scripts/cosign-fixtures.ts';
import type { FoundSignature } from '../../../shared/domain/signatures/index.ts';
import { verifyArtifact } from '../../../shared/signature/index.ts';

type Path = (string | number)[];

/** Every key and element of a JSON value, inner ones included. */
function* pathsOf(value: unknown, at: Path = []): Generator<Path> {
  if (at.length > 0) yield at;
  if (Array.isArray(value))
    for (const [i, item] of value.entries()) yield* pathsOf(item, [...at, i]);
  else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) yield* pathsOf(item, [...at, key]);
  }
}

function get(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as Record<string | number, unknown>)[key],
    value,
  );
}

/** A copy in which what is at the path is replaced, or removed when `replacement` is undefined. */
function changed<T>(value: T, path: Path, replacement: unknown): T {
  const copy = structuredClone(value);
  const parent = get(copy, path.slice(0, -1)) as Record<string | number, unknown>;
  const key = path.at(-1) ?? '';

  if (replacement !== undefined) parent[key] = replacement;
  else if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];

  return copy;
}

/**
 * Copies of a text with one bit different: in the bytes it encodes where it is base64, else in a
 * character.
 */
function flips(text: string): string[] {
  const bytes = Buffer.from(text, 'base64');
  const isBase64 = bytes.length > 8 && bytes.toString('base64') === text;
  const source = isBase64 ? bytes : Buffer.from(text, 'latin1');
  const count = Math.min(12, source.length);

  return Array.from({ length: count }, (_, i) => {
    const copy = Buffer.from(source);
    const at = Math.floor((i * (source.length - 1)) / Math.max(1, count - 1));
    copy[at] = (copy[at] ?? 0) ^ (1 << (i % 7));
    return isBase64 ? copy.toString('base64') : copy.toString('latin1');
  });
}

/**
 * Changes that leave a signature valid, with the reason. Everything else must be refused. Timestamp
 * tokens hold unsigned bytes (versions, lists of algorithms): their flips must only not throw.
 */
const harmless: Record<string, RegExp> = {
  // Rekor v2: a proof does not cover the index beside it, and there is no integrated time. A
  // version that is still known.
  'keyless-ok': /tlogEntries\.0\.logIndex$|rfc3161Timestamps\.0\.signedTimestamp$|^mediaType$/,
  // There are two proofs of inclusion and of time, the log's promise and the tree with the
  // timestamp: one may go, whole.
  'keyless-ok-rekor1': /timestampVerificationData|inclusionPromise$|^mediaType$/,
  // Keys need no time, and the hint only helps to find the key.
  'keyed-bundle-ok':
    /timestampVerificationData|publicKey(\.hint)?$|tlogEntries\.0\.logIndex$|^mediaType$/,
  'keyed-bundle-notlog-ok': /publicKey(\.hint)?$|^mediaType$/,
};

describe.each(Object.entries(harmless))('the bundle of %s', (name, allowed) => {
  const entry = cosignCase(name);
  const policy = policyOf(entry);
  const [candidate] = foundSignaturesOf(entry);
  const bundle = candidate?.format === 'bundle' ? candidate.bundle : null;

  const judge = (mutated: unknown) => {
    const candidates: FoundSignature[] = [
      { format: 'bundle', source: 'fallback_tag', claimed_digest: entry.digest, bundle: mutated },
    ];
    return verifyArtifact(entry.digest, candidates, policy);
  };

  test('verifies as it is', () => {
    expect(judge(bundle).code).toBe('verified');
  });

  test('is refused with any single bit changed', () => {
    const accepted = new Set<string>();
    for (const path of pathsOf(bundle)) {
      const text = get(bundle, path);
      if (typeof text !== 'string') continue;
      for (const flipped of flips(text)) {
        if (judge(changed(bundle, path, flipped)).verified) accepted.add(path.join('.'));
      }
    }

    expect([...accepted].filter((path) => !allowed.test(path))).toEqual([]);
  }, 120_000);

  test('is refused with anything removed, and whatever stands in its place', () => {
    const accepted = new Set<string>();
    for (const path of pathsOf(bundle)) {
      for (const replacement of [undefined, null, '', 'AAAA', -1, [], {}, 'x'.repeat(5000)]) {
        const verdict = judge(changed(bundle, path, replacement));
        if (verdict.verified) accepted.add(path.join('.'));
        else expect(verdict.message).not.toBe('');
      }
    }

    expect([...accepted].filter((path) => !allowed.test(path))).toEqual([]);
  }, 120_000);

  test.each([null, undefined, 0, 'text', [], {}, { mediaType: 'x' }])(
    '%j in its place is refused',
    (value) => {
      expect(judge(value).code).toBe('bundle_invalid');
    },
  );
});

describe.each(['keyless-legacy-ok', 'keyed-legacy-tlog-ok'])(
  'the legacy signature of %s',
  (name) => {
    const entry = cosignCase(name);
    const [candidate] = foundSignaturesOf(entry);
    if (candidate?.format !== 'legacy') throw new Error('expected a legacy signature');

    const judge = (mutated: FoundSignature) =>
      verifyArtifact(entry.digest, [mutated], policyOf(entry));
    // The chain is not read: intermediates come from the trust root.
    const material = { payload: candidate.payload, annotations: candidate.annotations };

    test('is refused with any single bit changed, in the log entry too', () => {
      const accepted = new Set<string>();
      for (const path of pathsOf(material)) {
        const text = get(material, path);
        if (typeof text !== 'string' || path.includes('dev.sigstore.cosign/chain')) continue;

        const isJson = path.includes('dev.sigstore.cosign/bundle');
        const copies = isJson ? jsonFlips(text) : flips(text);

        for (const copy of copies) {
          if (judge({ ...candidate, ...changed(material, path, copy) }).verified)
            accepted.add(path.join('.'));
        }
      }

      // A certificate in PEM has white space around it that means nothing.
      expect([...accepted].filter((path) => !path.endsWith('/certificate'))).toEqual([]);
    }, 120_000);

    test('is refused with any annotation removed or emptied', () => {
      for (const annotation of Object.keys(candidate.annotations)) {
        if (annotation === 'dev.sigstore.cosign/chain') continue;
        for (const replacement of [undefined, '', '{}', 'null', '[]', 'x']) {
          const mutated = changed(material, ['annotations', annotation], replacement);
          expect(judge({ ...candidate, ...mutated }).verified).toBe(false);
        }
      }
    });
  },
);

/** Flips within the values of a JSON text, and other numbers for its numbers. */
function jsonFlips(text: string): string[] {
  const json: unknown = JSON.parse(text);
  return [...pathsOf(json)].flatMap((path) => {
    const value = get(json, path);
    const replacements =
      typeof value === 'string' ? flips(value) : typeof value === 'number' ? [value + 1, 0] : [];
    return replacements.map((replacement) => JSON.stringify(changed(json, path, replacement)));
  });
}
