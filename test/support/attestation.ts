import { type KeyObject, sign } from 'node:crypto';
import { preAuthenticationEncoding, statementPayloadType } from '../../shared/signature/bundle.ts';
import { signArtifact } from '../../shared/signature/index.ts';

/**
 * A bundle with a signed in-toto statement about a digest (`sha256:<hex>`), as `cosign attest
 * --key` makes it.
 */
export function attest(digest: string, key: KeyObject, predicateType: string, predicate: unknown) {
  const bundle = signArtifact({ digest, key });
  const subject = [{ name: 'redis', digest: { sha256: digest.slice('sha256:'.length) } }];

  const statement = {
    _type: 'https://in-toto.io/Statement/v0.1',
    subject,
    predicateType,
    predicate,
  };

  const payload = Buffer.from(JSON.stringify(statement));
  const sig = sign(
    'sha256',
    preAuthenticationEncoding(statementPayloadType, payload),
    key,
  ).toString('base64');

  return {
    ...bundle,
    dsseEnvelope: {
      ...bundle.dsseEnvelope,
      payload: payload.toString('base64'),
      signatures: [{ sig }],
    },
  };
}
