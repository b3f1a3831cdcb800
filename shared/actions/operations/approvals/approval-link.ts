import { GenerateMacCommand, VerifyMacCommand } from '@aws-sdk/client-kms';
import { z } from 'zod';
import { GantryError } from '../../../base/error.ts';
import { slugSchema } from '../../../base/slug.ts';
import type { Approval } from '../../../domain/operations/index.ts';
import { getApproval } from '../../../store/operations/index.ts';
import type { Services } from '../../context/index.ts';

/**
 * What a link says: its reviewer, its request, and when it expires (seconds since 1970). KMS makes
 * its MAC.
 */
const claims = z.strictObject({
  account: slugSchema,
  approval: z.string(),
  member: z.string(),
  exp: z.number().int(),
});
export type LinkClaims = z.infer<typeof claims>;

/** The link for one reviewer and one request: `<publicUrl>/approve/<approval>/<claims>.<mac>`. */
export async function approvalLink(
  services: Services,
  approval: Approval,
  member: string,
): Promise<string> {
  const payload = Buffer.from(
    JSON.stringify({
      account: approval.account,
      approval: approval.id,
      member,
      exp: expiryOf(approval),
    } satisfies LinkClaims),
  ).toString('base64url');

  const out = await services.aws.kms.send(
    new GenerateMacCommand({
      KeyId: services.settings.linkKeyId,
      MacAlgorithm: 'HMAC_SHA_256',
      Message: macInput(payload),
    }),
  );

  const mac = Buffer.from(out.Mac ?? []).toString('base64url');
  return `${services.settings.publicUrl}/approve/${approval.id}/${payload}.${mac}`;
}

/** The input names its use, so that no other MAC of the same key is valid for a link. */
function macInput(payload: string): Buffer {
  return Buffer.from(`gantry approval link\n${payload}`);
}

/** Seconds since 1970. */
function expiryOf({ expires_at }: Approval): number {
  return Math.floor(Date.parse(expires_at) / 1000);
}

/**
 * Reads a link's token, and the request that it is for. Each call of KMS costs money, so what
 * cannot be a link of ours is refused before it: only somebody who knows the id of a request, its
 * account and the second when it expires can cause a call. Until KMS has verified the token,
 * nothing of the request is shown.
 */
export async function readApprovalLink(
  services: Services,
  approvalId: string,
  token: string,
): Promise<{ link: LinkClaims; approval: Approval }> {
  const invalid = (cause?: unknown) =>
    new GantryError(
      'approval_link_invalid',
      'Gantry did not send this link: it was changed or cut off',
      {
        cause,
      },
    );

  const [payload, mac, ...rest] = token.split('.');
  if (payload === undefined || mac === undefined || rest.length > 0 || token.length > 2000)
    throw invalid();
  // Decoders drop bits of the last character of base64url: without this check, sixteen links would
  // be the same.
  if (Buffer.from(mac, 'base64url').toString('base64url') !== mac || mac === '') throw invalid();

  const said = readClaims(payload);
  if (said?.approval !== approvalId || Buffer.from(mac, 'base64url').length !== macBytes)
    throw invalid();

  const approval = await getApproval(services.db, said.account, approvalId);
  if (approval === null || expiryOf(approval) !== said.exp) throw invalid();

  let valid = false;
  try {
    const out = await services.aws.kms.send(
      new VerifyMacCommand({
        KeyId: services.settings.linkKeyId,
        MacAlgorithm: 'HMAC_SHA_256',
        Message: macInput(payload),
        Mac: Buffer.from(mac, 'base64url'),
      }),
    );
    valid = out.MacValid === true;
  } catch (error) {
    const name = (error as { name?: string }).name ?? '';
    if (name !== 'KMSInvalidMacException' && name !== 'ValidationException') throw error;
    throw invalid(error);
  }

  if (!valid) throw invalid();

  if (said.exp * 1000 <= services.now().getTime()) {
    throw new GantryError(
      'approval_expired',
      'the request was not decided in time; the change must be requested again',
    );
  }

  return { link: said, approval };
}

/** HMAC with SHA-256. */
const macBytes = 32;

/** Returns what an unchecked payload says; null for one that no link has. */
function readClaims(payload: string): LinkClaims | null {
  try {
    const text = Buffer.from(payload, 'base64url').toString('utf8');
    return claims.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
