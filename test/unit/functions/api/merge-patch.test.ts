import { describe, expect, it } from 'vitest';
import { isMergePatch, requestedMetadata } from '../../../../functions/api/merge-patch.ts';
import { type MetadataPatch, metadataHash } from '../../../../shared/domain/templates/index.ts';

const present = { hostname: 'web-1', port: 80 };
const merged = (metadata: MetadataPatch) =>
  requestedMetadata({ body: { metadata }, merges: true }, present).metadata;
const replaced = (metadata: MetadataPatch) =>
  requestedMetadata({ body: { metadata }, merges: false }, present).metadata;

describe('a merge patch (RFC 7386)', () => {
  it.each<[MetadataPatch, object]>([
    [{}, present],
    [{ port: 81 }, { hostname: 'web-1', port: 81 }],
    [{ region: 'eu' }, { ...present, region: 'eu' }],
    [{ port: null }, { hostname: 'web-1' }],
    [{ absent: null }, present],
    [
      { hostname: null, constructor: 'x' },
      { port: 80, constructor: 'x' },
    ],
  ])('%j makes %j', (patch, expected) => {
    expect(merged(patch)).toEqual(expected);
  });

  it('changes no metadata that it does not name', () => {
    expect(requestedMetadata({ body: {}, merges: true }, present)).toEqual({});
  });

  it('counts only for the metadata that it was merged with, in any order', () => {
    const asked = requestedMetadata({ body: { metadata: { a: 1 } }, merges: true }, present);
    expect(asked.from_metadata).toBe(metadataHash({ port: 80, hostname: 'web-1' }));
    expect(asked.from_metadata).not.toBe(metadataHash({ ...present, port: '80' }));
    expect(requestedMetadata({ body: { metadata: {} }, merges: false }, present)).toEqual({
      metadata: {},
    });
  });

  it('leaves at most 100 keys', () => {
    const many = Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`k${i}`, i]));
    expect(() => merged(many)).toThrow(
      expect.objectContaining({ code: 'invalid_request', found: 101 }),
    );
    expect(Object.keys(merged({ ...many, port: null }) ?? {})).toHaveLength(100);
  });

  it('is known by its media type', () => {
    expect(isMergePatch('application/merge-patch+json; charset=utf-8')).toBe(true);
    expect(isMergePatch('application/json')).toBe(false);
    expect(isMergePatch(undefined)).toBe(false);
  });
});

describe('any other body', () => {
  it('replaces the metadata', () => {
    expect(replaced({ a: 1 })).toEqual({ a: 1 });
  });

  it('has no null, which would be taken for a value', () => {
    expect(() => replaced({ a: null })).toThrow(
      expect.objectContaining({ code: 'invalid_request', field: 'metadata' }),
    );
  });
});
