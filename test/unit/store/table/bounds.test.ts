import { describe, expect, it } from 'vitest';
import { fieldBytesMax, rowBounds, rowBytesMax } from '../../../../shared/base/limits/rows.ts';
import type { Module } from '../../../../shared/domain/modules/index.ts';
import { createModule, putReservations } from '../../../../shared/store/modules/index.ts';
import { boundsOf, requireBounds, requireKeys } from '../../../../shared/store/table/index.ts';
import { thrownBy } from '../../composition/factory.ts';

const kinds = { id: 'text', note: 'json', size: 'number' } as const;

describe('the bounds of an entity', () => {
  it('are its own, and for other fields those of every entity', () => {
    const bounds = boundsOf('assignment', { ...kinds, metadata: 'json' });
    expect(bounds).toEqual({
      id: fieldBytesMax.text,
      note: fieldBytesMax.json,
      metadata: rowBounds.assignment?.metadata,
    });
    // Not of the prototype of the table of bounds.
    expect(Object.keys(boundsOf('constructor', kinds))).toEqual(['id', 'note']);
  });

  it('must fit one row together', () => {
    const many = Array.from({ length: 200 }, (_, n) => [`note${n}`, 'json'] as const);
    const tooMany = Object.fromEntries(many);
    expect(() => boundsOf('boat', tooMany)).toThrow(`at most ${rowBytesMax} bytes`);
    expect(() => boundsOf('assignment', kinds)).toThrow('assignment has no metadata to bound');
  });
});

describe('a field', () => {
  const bounds = { note: 12, bytes: 4 };

  it.each([
    ['text', 'a'.repeat(12)],
    ['JSON with its quotes', ['a'.repeat(8)]],
    ['characters of several bytes', 'äöü'.repeat(2)],
    ['a missing value', undefined],
  ])('fits with %s up to its bound', (_what, note) => {
    requireBounds('boat', bounds, { note, other: 'x'.repeat(99), bytes: Buffer.alloc(4) });
  });

  it.each([
    ['text', { note: 'a'.repeat(13) }, 'note', 13],
    ['JSON', { note: ['a'.repeat(9)] }, 'note', 13],
    ['characters of several bytes', { note: '\u20ac'.repeat(5) }, 'note', 15],
    ['bytes', { bytes: Buffer.alloc(5) }, 'bytes', 5],
  ])('is refused with %s beyond it, by name, size and bound', (_what, row, field, found) => {
    const expected = bounds[field as keyof typeof bounds];
    expect(thrownBy(() => requireBounds('boat', bounds, row))).toMatchObject({
      code: 'too_large',
      field,
      expected,
      found,
      message: `expected ${field} of the boat of at most ${expected} bytes, found ${found}`,
    });
  });
});

it('a key that DynamoDB refuses names the field that makes it long', () => {
  const templates = [{ pk: '${account}#boat', sk: 'boat#${name}' }];
  requireKeys('boat', templates, { account: 'a', name: 'n'.repeat(1019) });
  expect(
    thrownBy(() => requireKeys('boat', templates, { account: 'a', name: 'n'.repeat(1020) })),
  ).toMatchObject({ code: 'too_large', field: 'name', expected: 1024, found: 1025 });
});

describe('the rows of modules', () => {
  const module: Module = {
    account: 'acme',
    name: 'redis',
    id: 'redis-00000000',
    visibility: 'private',
    category: 'userland',
    variety: 'subscription',
    parent_module: null,
    repository: 'r.example/redis',
    identities: [],
    trusted_keys: [],
    trusted_root: null,
    require_tlog: true,
    required_attestations: [],
    platforms: [],
    allow_devices: false,
    granted_reservations: [],
    policy_version: 'x',
    live_version_id: null,
    has_versions: false,
    archived: false,
    revision: 1,
    created_at: '2026-01-01T00:00:00.000Z',
    updated_at: '2026-01-01T00:00:00.000Z',
  };
  const keys = Array.from({ length: 20 }, () => 'k'.repeat(5000));

  it('are refused when they are made, and when they are changed', () => {
    const error = { code: 'too_large', field: 'trusted_keys' };
    expect(thrownBy(() => createModule({ ...module, trusted_keys: keys }))).toMatchObject(error);
    const patterns = Array.from({ length: 20 }, () => '/p'.repeat(2000));
    expect(thrownBy(() => putReservations(module, patterns, module.updated_at))).toMatchObject({
      code: 'too_large',
      field: 'granted_reservations',
    });
    createModule(module);
  });
});
