import { generateKeyPairSync, sign } from 'node:crypto';
import type { DesiredState } from '../../shared/contract/reconcile/index.ts';
import { tufKey } from '../../shared/director/index.ts';

/** A key that signs as an account's director does. */
export interface Director {
  publicKeyPem: string;
  keyId: string;
  signer: (bytes: Buffer) => Promise<Buffer>;
}

export function newDirector(): Director {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();

  return {
    publicKeyPem,
    keyId: tufKey(publicKeyPem).keyID,
    signer: async (bytes) => sign('sha256', bytes, privateKey),
  };
}

/** The desired state of instance `ins_1` of account `acme`, which runs no module. */
export function desiredStateOf(fields: Partial<DesiredState> = {}): DesiredState {
  return {
    account: 'acme',
    instance: 'ins_1',
    template: 'tpl_1',
    track: 'live',
    composition_digest: `sha256:${'b'.repeat(64)}`,
    layers: [],
    signature_policies: [],
    rendered_files: [],
    metadata: {},
    jobs: [],
    approvals: [],
    ...fields,
  };
}
