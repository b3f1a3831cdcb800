import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Metadata, Root } from '@tufjs/models';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attachSignature,
  checkSignatures,
  describeRoot,
  makeRoot,
  nextRoot,
  parseRoot,
  type RootChange,
  rootSha256,
  signRootWith,
  tufKey,
  verifyNextRoot,
  verifyRoot,
} from '../../../shared/director/index.ts';

const inAYear = new Date('2099-01-01T00:00:00Z');

interface Signer {
  pem: string;
  id: string;
  key: KeyObject;
}

function signer(type: 'ec' | 'ed25519' = 'ec'): Signer {
  const { privateKey, publicKey } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();

  return { pem, id: tufKey(pem).keyID, key: privateKey };
}

function bytesOf(root: Metadata<Root>): Buffer {
  return Buffer.from(JSON.stringify(root.toJSON()));
}

function signedBy(root: Metadata<Root>, before: Metadata<Root>, signers: Signer[]): Metadata<Root> {
  return signers.reduce(
    (signed, { key, pem }) =>
      attachSignature(signed, before, signRootWith(signed, before, key, pem)),
    root,
  );
}

/** A first root, as an account gets it: one key for everything. */
function first(director: Signer): Metadata<Root> {
  const root = makeRoot({ publicKeyPem: director.pem, expires: inAYear, version: 1 });
  return signedBy(root, root, [director]);
}

/** The root that follows, signed by these. */
function following(before: Metadata<Root>, change: RootChange, signers: Signer[]): Metadata<Root> {
  return signedBy(nextRoot(before, change, inAYear), before, signers);
}

describe('a chain of roots', () => {
  it('leads from the one key of a new account to people with offline keys and a threshold', () => {
    const director = signer();
    const [alice, bob, carol] = [signer(), signer('ed25519'), signer()];
    const one = first(director);

    const two = following(one, { add: [alice.pem, bob.pem, carol.pem], threshold: 2 }, [
      director,
      alice,
      bob,
      carol,
    ]);

    const three = following(two, { remove: [director.id] }, [alice, bob]);
    expect(describeRoot(three)).toMatchObject({
      version: 3,
      threshold: 2,
      director: { key_id: director.id },
    });

    expect(describeRoot(three).keys.map(({ key_id }) => key_id)).toEqual([
      alice.id,
      bob.id,
      carol.id,
    ]);

    const next = signer();
    const four = following(three, { director: next.pem }, [bob, carol]);

    expect(describeRoot(four).director.key_id).toBe(next.id);
    const pinned = bytesOf(one);
    const chain = [two, three, four].map(bytesOf);
    const last = chain.reduce(
      (root, bytes) => verifyNextRoot(bytes, root),
      verifyRoot(pinned, rootSha256(pinned)),
    );

    expect(last.signed.version).toBe(4);
  });

  it('is refused where a root skips a version, is rolled back, or comes again', () => {
    const director = signer();
    const alice = signer();
    const one = first(director);
    const two = following(one, { add: [alice.pem] }, [director, alice]);
    const three = following(two, { threshold: 2 }, [director, alice]);
    const refused = expect.objectContaining({ code: 'root_untrusted' });

    for (const [bytes, current] of [
      [three, one],
      [one, two],
      [two, two],
      [two, three],
    ] as const) {
      expect(() => verifyNextRoot(bytesOf(bytes), current)).toThrow(refused);
    }
  });

  it.each([
    ['enough of the old and of the new', [0, 1, 2, 3], true],
    ['enough of both, though not all', [0, 1, 3], true],
    ['only of the old', [0, 1], false],
    ['only of the new', [2, 3], false],
    ['too few of the old', [0, 2, 3], false],
  ])('asks for the thresholds of the root before and of its own: %s', (_, indexes, accepted) => {
    const director = signer();
    const [alice, bob, carol, dave] = [signer(), signer(), signer(), signer()];

    const two = following(
      first(director),
      { add: [alice.pem, bob.pem], remove: [director.id], threshold: 2 },
      [director, alice, bob],
    );

    const change = { add: [carol.pem, dave.pem], remove: [alice.id], threshold: 2 };
    const signers = indexes.map((index) => [alice, bob, carol, dave][index] as Signer);
    const three = bytesOf(following(two, change, signers));
    const verify = () => verifyNextRoot(three, two);
    if (accepted) expect(verify().signed.version).toBe(3);
    else expect(verify).toThrow(expect.objectContaining({ code: 'root_untrusted' }));
  });

  it('takes whatever root the platform would put in force, and nothing with a signature less than it needs', () => {
    const keys = Array.from({ length: 5 }, (_, n) => signer(n % 2 === 0 ? 'ec' : 'ed25519'));
    const director = keys[0] as Signer;
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1 });

    fc.assert(
      fc.property(
        numbers,
        numbers,
        fc.nat(3),
        fc.nat(3),
        fc.infiniteStream(fc.boolean()),
        (olds, news, a, b, dice) => {
          const pick = (ns: number[]) => ns.map((n) => keys[n] as Signer);
          const two = following(
            first(director),
            {
              add: pick(olds).map(({ pem }) => pem),
              remove: [director.id],
              threshold: (a % olds.length) + 1,
            },
            [director, ...pick(olds)],
          );

          const change = {
            add: pick(news.filter((n) => !olds.includes(n))).map(({ pem }) => pem),
            remove: pick(olds.filter((n) => !news.includes(n))).map(({ id }) => id),
            threshold: (b % news.length) + 1,
            director: signer().pem,
          };

          const all = pick([...new Set([...olds, ...news])]);
          const three = following(
            two,
            change,
            all.filter(() => dice.next().value),
          );

          const standing = checkSignatures(three, two);
          const enough = standing.needs.every(
            ({ threshold, signed }) => signed.length >= threshold,
          );

          expect(standing.complete).toBe(enough && standing.unproven.length === 0);
          const verify = () => verifyNextRoot(bytesOf(three), two);
          if (enough) expect(verify().signed.version).toBe(3);
          else expect(verify).toThrow(expect.objectContaining({ code: 'root_untrusted' }));
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('a change of the root', () => {
  const director = signer();
  const alice = signer();
  const one = first(director);
  const two = following(one, { add: [alice.pem] }, [director, alice]);

  it.each([
    ['nothing changes', {}, 'would trust what'],
    [
      'the same keys come in another order',
      { remove: [director.id], add: [director.pem] },
      'would trust what',
    ],
    ['a threshold that its keys cannot reach', { threshold: 3 }, 'need 3 signatures and have 2'],
    ['a threshold of none', { threshold: 0 }, 'need 0 signatures'],
    ['no key is left', { remove: [director.id, alice.id] }, 'have 0 keys'],
    ['a key comes twice', { add: [alice.pem] }, 'already signs roots'],
    ['an unknown key goes', { remove: ['f'.repeat(64)] }, 'no key'],
  ])('is refused where %s', (_, change, why) => {
    const invalid = expect.objectContaining({
      code: 'root_change_invalid',
      message: expect.stringContaining(why),
    });
    expect(() => nextRoot(two, change, inAYear)).toThrow(invalid);
  });

  it('is refused with a key of another kind than ECDSA P-256 and Ed25519', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();

    expect(() => nextRoot(one, { add: [pem] }, inAYear)).toThrow(
      expect.objectContaining({ code: 'key_invalid' }),
    );
    expect(() => nextRoot(one, { add: ['no key'] }, inAYear)).toThrow(
      expect.objectContaining({ code: 'key_invalid' }),
    );
  });

  it.each(['pkcs8', 'sec1'] as const)('is refused with a private key (%s)', (type) => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type, format: 'pem' }).toString();

    const refused = expect.objectContaining({
      code: 'key_invalid',
      found: expect.stringContaining('private key'),
    });
    expect(() => tufKey(pem)).toThrow(refused);
    expect(() => nextRoot(one, { add: [pem] }, inAYear)).toThrow(refused);
  });

  it('puts a new director key in the place of the one before wherever that signed', () => {
    const next = signer();
    const root = describeRoot(nextRoot(two, { director: next.pem }, inAYear));
    expect(root.director.key_id).toBe(next.id);
    expect(root.keys.map(({ key_id }) => key_id).sort()).toEqual([alice.id, next.id].sort());
  });

  it('is complete only with a signature of each new key, so every new key has a holder', () => {
    const [bob, carol] = [signer(), signer()];
    const change = { add: [bob.pem, carol.pem] };
    const halfway = following(two, change, [director, bob]);

    expect(checkSignatures(halfway, two)).toMatchObject({ complete: false, unproven: [carol.id] });
    expect(checkSignatures(signedBy(halfway, two, [carol]), two)).toMatchObject({
      complete: true,
      unproven: [],
    });
  });

  it('names the kinds of its keys', () => {
    const bob = signer('ed25519');
    const { keys } = describeRoot(nextRoot(two, { add: [bob.pem] }, inAYear));
    expect(keys.map(({ type }) => type)).toEqual(['ecdsa', 'ecdsa', 'ed25519']);
  });

  it('refuses a signature of a stranger, and a wrong one of a key that it drops', () => {
    const stranger = signer();
    const proposed = nextRoot(two, { remove: [alice.id] }, inAYear);
    const { signature } = signRootWith(proposed, two, director.key, director.pem);
    const attach = (key_id: string) => () => attachSignature(proposed, two, { key_id, signature });

    expect(attach(stranger.id)).toThrow(
      expect.objectContaining({
        code: 'root_signature_invalid',
        field: 'key_id',
        expected: [director.id, alice.id],
        found: stranger.id,
      }),
    );
    expect(attach(alice.id)).toThrow(
      expect.objectContaining({ code: 'root_signature_invalid', field: 'signature' }),
    );
  });

  it('is complete only with the thresholds of both roots', () => {
    const half = following(two, { threshold: 2 }, [director]);
    expect(checkSignatures(half, two)).toMatchObject({ complete: false, unproven: [] });
    expect(checkSignatures(signedBy(half, two, [alice]), two).complete).toBe(true);
  });

  it('takes signatures of its keys only, over itself only', () => {
    const proposed = nextRoot(two, { threshold: 2 }, inAYear);
    const wrong = expect.objectContaining({ code: 'root_signature_invalid' });
    const stranger = signer();

    expect(() => signRootWith(proposed, two, stranger.key, stranger.pem)).toThrow(wrong);
    const other = nextRoot(two, { remove: [director.id] }, inAYear);
    const ofOther = signRootWith(other, two, alice.key, alice.pem);

    expect(() => attachSignature(proposed, two, ofOther)).toThrow(wrong);
    expect(() => attachSignature(proposed, two, { ...ofOther, key_id: stranger.id })).toThrow(
      wrong,
    );

    const mine = signRootWith(parseRoot(bytesOf(proposed)), two, alice.key, alice.pem);
    expect(checkSignatures(attachSignature(proposed, two, mine), two).needs[1]?.signed).toEqual([
      alice.id,
    ]);
  });
});
