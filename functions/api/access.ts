import { createMiddleware } from 'hono/factory';
import { authenticateToken } from '../../shared/actions/accounts/index.ts';
import { authenticateAgent } from '../../shared/actions/machines/index.ts';
import { GantryError } from '../../shared/base/error.ts';
import { type Caller, hasRole, type Role } from '../../shared/domain/accounts/index.ts';
import type { ApiEnv } from './env.ts';

/**
 * The callers that a route admits: a role, the deployment's own token, a machine's agent, or
 * anyone.
 */
export type Access = Role | typeof authorOrOperator | 'platform' | 'agent' | 'public';

/** Either role suffices. */
export const authorOrOperator = 'author or operator';

/** Checks that a caller has the access of a route. @throws GantryError `forbidden` */
export function checkAccess(
  caller: Caller,
  access: Role | typeof authorOrOperator | 'platform',
): void {
  if (access === 'platform') {
    if (caller.platform) return;
    throw new GantryError(
      'forbidden',
      'expected the token that the deployment printed, found another',
      {
        expected: 'platform',
      },
    );
  }

  if (access === authorOrOperator ? hasRole(caller, 'author', 'operator') : hasRole(caller, access))
    return;
  throw new GantryError(
    'forbidden',
    `expected the role ${access}, found ${caller.roles.join(', ') || 'none'}`,
    {
      expected: access,
      found: caller.roles,
    },
  );
}

/** Authenticates a request and checks the access of its caller, before the request is parsed. */
export function allow(access: Access) {
  return createMiddleware<ApiEnv>(async (c, next) => {
    if (access === 'agent') {
      const { services } = c.var;
      const credential = credentialOf(c.req.header('authorization'), 'DPoP');
      const proof = c.req.header('dpop');
      if (proof === undefined)
        throw new GantryError('dpop_invalid', 'expected a DPoP header with a proof, found none');

      const htu = `${services.settings.publicUrl}${c.req.path}`;
      const agent = await authenticateAgent(services, {
        credential,
        proof,
        htm: c.req.method,
        htu,
      });

      c.header('DPoP-Nonce', agent.nonce);
      c.set('agent', agent);

      c.set('caller', {
        account: agent.account,
        actor: `instance:${agent.instance_id}`,
        roles: [],
        member_id: null,
        person: `instance:${agent.instance_id}`,
        signed_in_by: null,
        platform: false,
      });
    } else if (access !== 'public') {
      const bearer = credentialOf(c.req.header('authorization'), 'Bearer');
      const caller = await authenticateToken(c.var.services, bearer);

      c.set('bearer', bearer);
      c.set('caller', caller);
      checkAccess(caller, access);
    }
    await next();
  });
}

/**
 * Returns the credential of an `Authorization` header (RFC 9110, section 11.4). @throws GantryError
 * `unauthenticated`
 */
function credentialOf(header: string | undefined, scheme: 'Bearer' | 'DPoP'): string {
  if (header === undefined) {
    throw new GantryError(
      'unauthenticated',
      `expected Authorization: ${scheme} <credential>, found no Authorization header`,
    );
  }

  const [found = '', credential = '', ...rest] = header.trim().split(/ +/);
  if (found.toLowerCase() !== scheme.toLowerCase() || credential === '' || rest.length > 0) {
    throw new GantryError(
      'unauthenticated',
      `expected Authorization: ${scheme} <credential>, found another form`,
    );
  }

  return credential;
}
