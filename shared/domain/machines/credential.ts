import type { CallChain } from './call-chain.ts';

/** The credential of an enrolled agent. */
export interface Credential {
  /** SHA-256 of the secret. */
  hash: string;
  account: string;
  instance_id: string;
  key_thumbprint: string;
  /** The state of its chain of calls. */
  chain: CallChain;
  /**
   * Counts changes of the chain, so that the second of two concurrent calls is checked against the
   * chain that the first one wrote.
   */
  revision: number;
}
