import { describe, expect, it } from 'vitest';
import { keepBy } from '../../../shared/base/filters.ts';
import { publicModuleSchema } from '../../../shared/contract/modules/index.ts';
import {
  isKnownTo,
  isOffered,
  isPublished,
  type PromotionState,
  presentPublicModule,
  presentPublicVersion,
  publicModuleTests,
} from '../../../shared/domain/modules/index.ts';
import { storedModule, storedVersion } from '../../support/stored.ts';

const secret = 'SECRET';
const module = storedModule('acme', 'redis', {
  visibility: 'public',
  repository: secret,
  category: secret,
  identities: [{ identity_regexp: secret, issuer_regexp: secret }],
  trusted_keys: [secret],
  trusted_root: { secret },
  parent_module: secret,
  policy_version: secret,
});
const live = storedVersion('acme', 'redis', '1.0.0', {
  promotion_state: 'live',
  was_live: true,
  stored_signatures_key: secret,
  withheld: {
    yanked: { reason: secret, by: secret, at: '2026-01-01T00:00:00.000Z', operation_id: secret },
  },
  manifest: {
    description: 'keeps values',
    dependencies: { requires: ['libc'], provides: ['cache'] },
  },
});

describe('another account', () => {
  it('sees what it needs to use a public module, and nothing else', () => {
    const seen = presentPublicModule(module, live);
    expect(JSON.stringify(seen)).not.toContain(secret);
    expect(publicModuleSchema.strict().parse(seen)).toEqual(seen);
    expect(seen).toMatchObject({
      description: 'keeps values',
      requires: ['libc'],
      provides: ['cache'],
      live_version: { version_string: '1.0.0', live: true },
    });
  });

  it('sees a module without a live version, but nothing of its manifest', () => {
    expect(presentPublicModule(module, null)).toMatchObject({
      description: null,
      requires: [],
      provides: [],
      live_version: null,
    });
  });

  it.each<[PromotionState, boolean, boolean]>([
    ['built', false, false],
    ['staging', false, false],
    ['blessed', false, false],
    ['blessed', true, true],
    ['live', true, true],
    ['live', false, true],
    ['retired', false, false],
    ['retired', true, true],
  ])('of a %s version that was live (%s): sees it: %s', (promotion_state, was_live, expected) => {
    const version = { ...live, promotion_state, was_live };
    expect(isPublished(version)).toBe(expected);
    expect(isKnownTo('other', version)).toBe(expected);
    expect(isKnownTo('acme', version)).toBe(true);
  });

  it.each([
    ['public', false, true],
    ['public', true, false],
    ['private', false, false],
  ] as const)(
    'of a %s module that is archived (%s): finds it: %s',
    (visibility, archived, found) => {
      expect(isOffered({ ...module, visibility, archived })).toBe(found);
    },
  );

  it('sees which version is live', () => {
    expect(presentPublicVersion(live).live).toBe(true);
    expect(presentPublicVersion({ ...live, promotion_state: 'blessed' }).live).toBe(false);
  });

  it.each([
    [{ name: 're*' }, true],
    [{ name: 'ca*' }, false],
    [{ publisher: 'acme' }, true],
    [{ publisher: 'other' }, false],
  ])('of the modules with %j finds one: %s', (wanted, found) => {
    expect(keepBy(publicModuleTests, wanted)(module)).toBe(found);
  });
});
