import { decodeJwt } from 'jose';
import { GantryError } from '../../shared/base/error.ts';

/**
 * Checks what a certificate authority would refuse later, in less helpful words. The token itself
 * never appears in an error, because it is a credential.
 * @param audience the client id that the token must be for
 * @throws GantryError `identity_token_invalid`, `identity_token_expired`,
 * `identity_token_audience`
 */
export function checkIdentityToken(token: string, audience: string, now: Date): string {
  const { exp, aud, iss, email, email_verified } = decode(token);

  if (exp === undefined || exp * 1000 <= now.getTime()) {
    const end = exp === undefined ? 'none' : new Date(exp * 1000).toISOString();
    throw new GantryError(
      'identity_token_expired',
      `expected an identity token that is valid at ${now.toISOString()}, found one that ended at ${end}; request a new one from ${iss} right before you sign`,
      { expected: now.toISOString(), found: end },
    );
  }

  const audiences = aud === undefined ? [] : [aud].flat();
  if (!audiences.includes(audience)) {
    throw new GantryError(
      'identity_token_audience',
      `expected an identity token for the audience "${audience}", found ${audiences.map((one) => `"${one}"`).join(', ') || 'none'}; request one for it, or name the audience of your Fulcio with --oidc-client-id`,
      { expected: audience, found: audiences },
    );
  }

  if (email !== undefined && email_verified !== true) {
    throw invalid('a verified e-mail address, found one that the issuer did not verify');
  }

  return token;
}

function decode(token: string) {
  try {
    const claims = decodeJwt<{ email?: unknown; email_verified?: unknown }>(token);
    if (typeof claims.iss === 'string' && (claims.sub ?? claims.email) !== undefined) return claims;
  } catch (cause) {
    throw invalid('a signed JSON Web Token, found something else', cause);
  }
  throw invalid('the issuer and the subject in the token, found a token without them');
}

function invalid(expected: string, cause?: unknown): GantryError {
  return new GantryError('identity_token_invalid', `expected ${expected}`, { cause });
}
