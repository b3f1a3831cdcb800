import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decodeJwt, exportJWK, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { isGantryError } from '../../../shared/base/error.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { checkProof, makeProof } from '../../../shared/dpop/index.ts';

const now = new Date('2026-03-01T12:00:00Z');
const request = { htm: 'POST', htu: 'https://gantry.example/api/v1/agent/heartbeat' };

function p256(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

function later(seconds: number): Date {
  return new Date(now.getTime() + seconds * 1000);
}

async function refusal(checked: Promise<unknown>): Promise<string> {
  const error = await checked.then(
    () => new Error('accepted'),
    (caught: unknown) => caught,
  );
  expect(isGantryError(error, 'dpop_invalid')).toBe(true);

  return (error as Error).message;
}

/** A proof made by hand, for what makeProof never makes. */
async function forge(
  header: Record<string, unknown>,
  claims: Record<string, unknown>,
  key: KeyObject,
): Promise<string> {
  const { kty, crv, x, y } = await exportJWK(key);
  return await new SignJWT({ ...request, jti: 'j1', iat: now.getTime() / 1000, ...claims })
    .setProtectedHeader({
      typ: 'dpop+jwt',
      alg: 'ES256',
      jwk: { kty, crv, x, y },
      ...header,
    } as JWTHeaderParameters)
    .sign(key);
}

describe('a DPoP proof', () => {
  it('is accepted for its request, key and credential, and names the key by its thumbprint', async () => {
    const privateKey = p256();
    const first = await checkProof(await makeProof({ privateKey, ...request, now }), {
      ...request,
      now,
    });

    const second = await checkProof(
      await makeProof({ privateKey, ...request, accessToken: 'cred', now }),
      {
        ...request,
        accessToken: 'cred',
        now,
        expectedThumbprint: first.thumbprint,
      },
    );

    expect(first.thumbprint).toMatch(/^[\w-]{43}$/);
    expect(second.jti).not.toBe(first.jti);
    expect(second.iat).toBe(now.getTime() / 1000);
  });

  it('is for the URL without its query', async () => {
    const proof = await makeProof({
      privateKey: p256(),
      htm: 'POST',
      htu: `${request.htu}?page=2#top`,
      now,
    });
    await expect(
      checkProof(proof, { ...request, htu: `${request.htu}?other=1`, now }),
    ).resolves.toBeDefined();
  });

  it.each([
    ['another method', { htm: 'GET' }, /for the method POST, the request is a GET/],
    ['another path', { htu: 'https://gantry.example/api/v1/agent/report' }, /the request went to/],
    ['another host', { htu: 'https://evil.example/api/v1/agent/heartbeat' }, /the request went to/],
    ['a later minute', { now: later(61) }, /61 s ago, at most 60 s/],
    ['an earlier minute', { now: later(-61) }, /-61 s ago/],
    ['a credential that it does not name', { accessToken: 'cred' }, /lacks the hash/],
    ['a credential bound to another key', { expectedThumbprint: 'A'.repeat(43) }, /another key/],
  ])('is refused for %s', async (_, changed, sentence) => {
    const proof = await makeProof({ privateKey: p256(), ...request, now });
    expect(await refusal(checkProof(proof, { ...request, now, ...changed }))).toMatch(sentence);
  });

  it('is refused for another credential than it was made for', async () => {
    const proof = await makeProof({ privateKey: p256(), ...request, accessToken: 'one', now });
    expect(await refusal(checkProof(proof, { ...request, accessToken: 'two', now }))).toMatch(
      /another credential/,
    );
  });

  it('is accepted within a minute either way', async () => {
    const proof = await makeProof({ privateKey: p256(), ...request, now });
    await checkProof(proof, { ...request, now: later(60) });
    await checkProof(proof, { ...request, now: later(-60) });
  });

  it('is refused when one of its characters changed or it is not a JWT at all', async () => {
    const proof = await makeProof({ privateKey: p256(), ...request, now });
    const [header, payload, signature] = proof.split('.') as [string, string, string];
    const swapped = `${payload.startsWith('e') ? 'f' : 'e'}${payload.slice(1)}`;

    await refusal(checkProof(`${header}.${swapped}.${signature}`, { ...request, now }));
    await refusal(checkProof(`${header}.${payload}.`, { ...request, now }));
    await refusal(checkProof('nonsense', { ...request, now }));
    await refusal(checkProof('x'.repeat(5000), { ...request, now }));
  });

  it('has the place of its call, which is the first attempt where it names none', async () => {
    const made = (place?: { nonce: string | null; attempt: number }) =>
      makeProof({ privateKey: p256(), ...request, now, ...(place ? { place } : {}) });
    const placeIn = async (proof: string) => (await checkProof(proof, { ...request, now })).place;

    expect(await placeIn(await made())).toEqual({ nonce: null, attempt: 1 });
    for (const place of [
      { nonce: null, attempt: 3 },
      { nonce: '7.abc', attempt: 2 },
      { nonce: 'n'.repeat(200), attempt: 1 },
    ]) {
      expect(await placeIn(await made(place))).toEqual(place);
    }
  });

  it('has no nonce before the first response, because RFC 9449 wants a string', async () => {
    const place = { nonce: null, attempt: 1 };
    const proof = await makeProof({ privateKey: p256(), ...request, place, now });
    expect(decodeJwt(proof)).not.toHaveProperty('nonce');
  });

  it('is refused with the library’s error as the cause', async () => {
    await expect(checkProof('nonsense', { ...request, now })).rejects.toMatchObject({
      cause: expect.any(Error),
    });
  });

  it('has an id of 1 to 128 characters', async () => {
    const key = p256();
    const check = async (jti: string) =>
      checkProof(await forge({}, { jti }, key), { ...request, now });

    expect((await check('j'.repeat(128))).jti).toHaveLength(128);
    for (const jti of ['', 'j'.repeat(129)])
      expect(await refusal(check(jti))).toContain('its claim jti ');
  });

  it('is refused for a place that no machine has', async () => {
    const key = p256();
    for (const place of [{ attempt: 0 }, { attempt: 1.5 }, { nonce: 'n'.repeat(201) }]) {
      const message = await refusal(checkProof(await forge({}, place, key), { ...request, now }));
      expect(message).toContain(`its claim ${Object.keys(place)[0]} `);
    }
  });

  it('is read up to its limit of characters, and not beyond', async () => {
    const key = p256();
    const shortest = (await forge({}, { filler: '' }, key)).length;
    const longAs = async (length: number) => {
      // Base64url makes four characters of three.
      const filler = 'x'.repeat(Math.floor(((length - shortest) * 3) / 4) - 1);
      const proof = await forge({}, { filler }, key);
      return proof.length === length
        ? proof
        : await forge({}, { filler: `${filler}${'x'.repeat(length - proof.length)}` }, key);
    };

    const most = await longAs(limits.dpopProofBytesMax);
    expect(most.length).toBe(limits.dpopProofBytesMax);
    await checkProof(most, { ...request, now });
    expect(
      await refusal(
        checkProof(await forge({}, { filler: 'x'.repeat(4000) }, key), { ...request, now }),
      ),
    ).toMatch(/it has \d+ characters/);
  });

  it('is refused when the URL that it names is none', async () => {
    const proof = await forge({}, { htu: 'nowhere' }, p256());
    expect(await refusal(checkProof(proof, { ...request, now }))).toMatch(/it is for nowhere/);
  });

  it('is refused when it is signed by another key than it shows', async () => {
    const { kty, crv, x, y } = await exportJWK(p256());
    await refusal(
      checkProof(await forge({ jwk: { kty, crv, x, y } }, {}, p256()), { ...request, now }),
    );
  });

  it('is refused when it shows its private key, has no key, another type or misses a claim', async () => {
    const key = p256();
    await refusal(
      checkProof(await forge({ jwk: await exportJWK(key) }, {}, key), { ...request, now }),
    );
    await refusal(checkProof(await forge({ jwk: undefined }, {}, key), { ...request, now }));
    await refusal(checkProof(await forge({ typ: 'JWT' }, {}, key), { ...request, now }));
    await refusal(checkProof(await forge({}, { jti: undefined }, key), { ...request, now }));
    await refusal(checkProof(await forge({}, { iat: 'now' }, key), { ...request, now }));
  });

  it('is refused when it is signed with anything but ES256', async () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    const { kty, crv, x, y } = await exportJWK(key);
    const proof = await new SignJWT({ ...request, jti: 'j', iat: now.getTime() / 1000 })
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES384', jwk: { kty, crv, x, y } as JWK })
      .sign(key);

    await refusal(checkProof(proof, { ...request, now }));
  });
});
