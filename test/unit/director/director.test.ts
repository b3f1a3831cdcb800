import { Metadata, MetadataKind, Signature, Targets } from '@tufjs/models';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGantryError } from '../../../shared/base/error.ts';
import type { ErrorCode } from '../../../shared/base/error-codes.ts';
import { generatedFormat } from '../../../shared/contract/reconcile/index.ts';
import {
  makeDesiredState,
  makeRoot,
  rootSha256,
  signMetadata,
  verifyDesiredState,
  verifyNextRoot,
  verifyRoot,
} from '../../../shared/director/index.ts';
import { type Director, desiredStateOf, newDirector } from '../../support/director.ts';

const now = new Date('2026-03-01T12:00:00Z');
const inAWeek = new Date('2026-03-08T12:00:00Z');
const inAYear = new Date('2027-03-01T12:00:00Z');
const image = { length: 4096, sha256: 'a'.repeat(64) };

async function signedRoot(by: Director, version = 1, expires = inAYear): Promise<Buffer> {
  return await signMetadata(
    makeRoot({ publicKeyPem: by.publicKeyPem, expires, version }),
    by.signer,
    by.keyId,
  );
}

async function signedState(
  by: Director,
  custom = desiredStateOf(),
  version = 3,
  expires = inAWeek,
): Promise<Buffer> {
  return await signMetadata(
    makeDesiredState({ custom, image, version, expires }),
    by.signer,
    by.keyId,
  );
}

async function check(
  by: Director,
  changed: Partial<Parameters<typeof verifyDesiredState>[1]> = {},
) {
  const bytes = await signedRoot(by);
  const root = verifyRoot(bytes, rootSha256(bytes));
  return { root, account: 'acme', instance: 'ins_1', lastVersion: 0, now, ...changed };
}

function codeOf(run: () => unknown): ErrorCode | string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    return isGantryError(error) ? error.code : String(error);
  }
}

/** The signed file with an unsigned change to its JSON. */
function altered(
  bytes: Buffer,
  change: (json: { signed: Record<string, never>; signatures: unknown[] }) => void,
): Buffer {
  const json = JSON.parse(bytes.toString());
  change(json);
  return Buffer.from(JSON.stringify(json));
}

describe('the account root', () => {
  it('is trusted when its bytes are the pinned ones and it is signed by its own key', async () => {
    const by = newDirector();
    const bytes = await signedRoot(by);
    const root = verifyRoot(bytes, rootSha256(bytes));

    expect(root.signed.version).toBe(1);
    expect(root.signed.consistentSnapshot).toBe(false);

    for (const role of ['root', 'targets', 'snapshot', 'timestamp']) {
      expect(root.signed.roles[role]).toMatchObject({ keyIDs: [by.keyId], threshold: 1 });
    }
  });

  it('is not trusted when a single byte differs from what the token pins', async () => {
    const bytes = await signedRoot(newDirector());
    expect(
      codeOf(() => verifyRoot(Buffer.concat([bytes, Buffer.from('\n')]), rootSha256(bytes))),
    ).toBe('root_untrusted');
  });

  it('is not trusted unsigned, signed by another key, or as another kind of metadata, even when pinned', async () => {
    const by = newDirector();
    const root = makeRoot({ publicKeyPem: by.publicKeyPem, expires: inAYear, version: 1 });
    const unsigned = Buffer.from(JSON.stringify(root.toJSON()));

    expect(codeOf(() => verifyRoot(unsigned, rootSha256(unsigned)))).toBe('root_untrusted');
    const wrong = await signMetadata(root, newDirector().signer, by.keyId);

    expect(codeOf(() => verifyRoot(wrong, rootSha256(wrong)))).toBe('root_untrusted');
    const targets = await signedState(by);

    expect(codeOf(() => verifyRoot(targets, rootSha256(targets)))).toBe('root_untrusted');
    const noise = Buffer.from('not json');

    expect(codeOf(() => verifyRoot(noise, rootSha256(noise)))).toBe('root_untrusted');
  });

  it('is not trusted when it names one key under two ids, which would count twice', async () => {
    const by = newDirector();
    const root = makeRoot({ publicKeyPem: by.publicKeyPem, expires: inAYear, version: 1 });
    const json = root.toJSON() as { signed: { keys: Record<string, unknown> } };

    json.signed.keys['f'.repeat(64)] = json.signed.keys[by.keyId];
    const doubled = Metadata.fromJSON(MetadataKind.Root, JSON.parse(JSON.stringify(json)));
    const bytes = await signMetadata(doubled, by.signer, by.keyId);

    expect(codeOf(() => verifyRoot(bytes, rootSha256(bytes)))).toBe('root_untrusted');
  });

  it('is followed only by the next version that both the old and the new keys signed', async () => {
    const old = newDirector();
    const fresh = newDirector();
    const bytes = await signedRoot(old);
    const current = verifyRoot(bytes, rootSha256(bytes));
    const next = makeRoot({ publicKeyPem: fresh.publicKeyPem, expires: inAYear, version: 2 });
    const onlyNew = await signMetadata(next, fresh.signer, fresh.keyId);

    expect(codeOf(() => verifyNextRoot(onlyNew, current))).toBe('root_untrusted');
    const both = await signMetadata(next, old.signer, old.keyId);
    const after = verifyNextRoot(both, current);

    expect(after.signed.roles.targets?.keyIDs).toEqual([fresh.keyId]);
    expect(codeOf(() => verifyNextRoot(both, after))).toBe('root_untrusted');

    const skipped = makeRoot({ publicKeyPem: old.publicKeyPem, expires: inAYear, version: 3 });
    const third = await signMetadata(skipped, old.signer, old.keyId);

    expect(codeOf(() => verifyNextRoot(third, current))).toBe('root_untrusted');
  });
});

describe('a desired state', () => {
  it('reads back as it was made', async () => {
    const by = newDirector();
    const custom = desiredStateOf({
      metadata: { hostname: 'näme "quoted" \\ and\nlines', count: 3, on: true },
    });
    const verified = verifyDesiredState(await signedState(by, custom), await check(by));

    expect(verified).toEqual({ state: custom, version: 3, expires: inAWeek, image });
  });

  it('holds whatever JSON its free fields have, numbers being whole', async () => {
    const by = newDirector();
    const rules = await check(by);

    await fc.assert(
      fc.asyncProperty(
        fc
          .jsonValue({ noUnicodeString: false })
          .filter((value) => !JSON.stringify(value).match(/\d\.|\de[+-]|-0/)),
        async (value) => {
          const custom = desiredStateOf({ metadata: { free: value ?? null } });
          let bytes: Buffer;
          try {
            bytes = await signedState(by, custom);
          } catch (error) {
            expect(isGantryError(error, 'desired_state_invalid')).toBe(true);
            return;
          }

          expect(verifyDesiredState(bytes, rules).state).toEqual(
            JSON.parse(JSON.stringify(custom)),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is not made with fractions, which canonical JSON cannot carry, and says where', () => {
    const custom = desiredStateOf({ metadata: { load: { max: 0.5 } } });
    expect(() => makeDesiredState({ custom, image, version: 1, expires: inAWeek })).toThrow(
      /0\.5 at metadata\.load\.max/,
    );
  });

  it('is not made when it is not well formed', () => {
    const custom = desiredStateOf({ composition_digest: 'b' });
    expect(codeOf(() => makeDesiredState({ custom, image, version: 1, expires: inAWeek }))).toBe(
      'desired_state_invalid',
    );
    expect(
      codeOf(() =>
        makeDesiredState({ custom: desiredStateOf(), image, version: 0, expires: inAWeek }),
      ),
    ).toBe('desired_state_invalid');
  });

  it('is refused when another key signed it, no key did, or something in it was changed', async () => {
    const by = newDirector();
    const rules = await check(by);
    const signed = await signedState(by);

    const cases = [
      await signedState(newDirector()),
      altered(signed, (json) => json.signatures.pop()),
      altered(signed, (json) => Object.assign(json.signed, { version: 9 })),
      altered(signed, (json) => Object.assign(json.signed, { added: 1 })),
      altered(signed, (json) => Object.assign(json.signed, { expires: '2030-01-01T00:00:00Z' })),
    ];

    for (const bytes of cases) {
      expect(codeOf(() => verifyDesiredState(bytes, rules))).toBe(
        'desired_state_signature_invalid',
      );
    }
  });

  it('is refused when it holds what no signature covers, or hands its authority on', async () => {
    const by = newDirector();
    const rules = await check(by);
    const uncovered = altered(await signedState(by), (json) =>
      Object.assign(json.signed, { delegations: null }),
    );

    expect(codeOf(() => verifyDesiredState(uncovered, rules))).toBe('desired_state_invalid');
    const { signed } = makeDesiredState({
      custom: desiredStateOf(),
      image,
      version: 3,
      expires: inAWeek,
    });
    const delegating = Targets.fromJSON({
      ...signed.toJSON(),
      delegations: { keys: {}, roles: [] },
    });
    const bytes = await signMetadata(new Metadata(delegating), by.signer, by.keyId);

    expect(codeOf(() => verifyDesiredState(bytes, rules))).toBe('desired_state_invalid');
  });

  it('is refused when the library reads another version of the specification than it states', async () => {
    const by = newDirector();
    const rules = await check(by);
    const unstated = (bytes: Buffer) =>
      altered(bytes, (json) => Object.assign(json.signed, { spec_version: '' }));

    // The library replaces the empty version by the one that was signed.
    const [root, desired] = [unstated(await signedRoot(by)), unstated(await signedState(by))];
    expect(codeOf(() => verifyRoot(root, rootSha256(root)))).toBe('root_untrusted');
    expect(codeOf(() => verifyDesiredState(desired, rules))).toBe('desired_state_invalid');
  });

  it('is refused when its signature names an unknown key or is not one', async () => {
    const by = newDirector();
    const rules = await check(by);
    const metadata = makeDesiredState({
      custom: desiredStateOf(),
      image,
      version: 3,
      expires: inAWeek,
    });
    const bytes = await signMetadata(metadata, by.signer, by.keyId);
    const renamed = altered(bytes, (json) => {
      json.signatures = json.signatures.map((s) => ({ ...(s as object), keyid: '0'.repeat(64) }));
    });

    expect(codeOf(() => verifyDesiredState(renamed, rules))).toBe(
      'desired_state_signature_invalid',
    );
    metadata.signatures = { [by.keyId]: new Signature({ keyID: by.keyId, sig: 'zz' }) };

    const garbled = Buffer.from(JSON.stringify(metadata.toJSON()));
    expect(codeOf(() => verifyDesiredState(garbled, rules))).toBe(
      'desired_state_signature_invalid',
    );
  });

  it('is refused for another instance or account, though well signed', async () => {
    const by = newDirector();
    const bytes = await signedState(by);
    const other = await check(by, { instance: 'ins_2' });

    expect(codeOf(() => verifyDesiredState(bytes, other))).toBe('desired_state_foreign');
    const elsewhere = await check(by, { account: 'umbrella' });

    expect(codeOf(() => verifyDesiredState(bytes, elsewhere))).toBe('desired_state_foreign');
  });

  it('is refused when it is older than one already seen, and accepted again when it is the same', async () => {
    const by = newDirector();
    const bytes = await signedState(by);
    const same = await check(by, { lastVersion: 3 });

    expect(codeOf(() => verifyDesiredState(bytes, same))).toBe('accepted');
    const newer = await check(by, { lastVersion: 4 });

    expect(codeOf(() => verifyDesiredState(bytes, newer))).toBe('desired_state_version_rollback');
  });

  it('has expired at its time, and a rollback that has also expired is reported as a rollback', async () => {
    const by = newDirector();
    const bytes = await signedState(by);
    const late = await check(by, { now: inAWeek });

    expect(codeOf(() => verifyDesiredState(bytes, late))).toBe('desired_state_expired');
    expect(codeOf(() => verifyDesiredState(bytes, { ...late, lastVersion: 4 }))).toBe(
      'desired_state_version_rollback',
    );

    const rootGone = await check(by, { now: inAYear });
    const fresh = await signedState(by, desiredStateOf(), 3, new Date('2027-04-01T00:00:00Z'));

    expect(codeOf(() => verifyDesiredState(fresh, rootGone))).toBe('desired_state_expired');
  });

  it('has expired where the time it is judged at is none', async () => {
    const by = newDirector();
    const bytes = await signedState(by);
    const timeless = await check(by, { now: new Date(Number.NaN) });
    expect(codeOf(() => verifyDesiredState(bytes, timeless))).toBe('desired_state_expired');
  });

  it('is refused as invalid when well signed but of the wrong shape', async () => {
    const by = newDirector();
    const rules = await check(by);

    const shapes: ((json: Record<string, never>) => void)[] = [
      (signed) => Object.assign(signed, { targets: {} }),
      (signed) => Object.assign(signed, { spec_version: '2.0.0' }),
      (signed) => Object.assign(signed, { version: 1.5 }),
      (signed) => Object.assign(signed, { _type: 'root' }),
    ];

    for (const shape of shapes) {
      const bytes = altered(await signedState(by), (json) => shape(json.signed));
      expect(['desired_state_invalid', 'desired_state_signature_invalid']).toContain(
        codeOf(() => verifyDesiredState(bytes, rules)),
      );
    }

    // A newer release may say things in a form that this one cannot read.
    for (const [format, code] of [
      [generatedFormat, 'desired_state_invalid'],
      [generatedFormat + 1, 'agent_too_old'],
    ] as const) {
      const custom = desiredStateOf({ generated_format: format });
      const metadata = makeDesiredState({ custom, image, version: 3, expires: inAWeek });
      const target = metadata.signed.targets['composition.erofs'];
      Object.assign(target?.unrecognizedFields.custom as object, { layers: 'none' });

      const bytes = await signMetadata(metadata, by.signer, by.keyId);
      expect(codeOf(() => verifyDesiredState(bytes, rules))).toBe(code);
    }
  });
});
