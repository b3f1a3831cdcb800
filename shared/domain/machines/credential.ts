import type { CallChain } from './call-chain.ts';

/** What an enrolled agent authenticates with. */
export interface Credential {
  /** SHA-256 of the secret. */
  hash: string;
  account: string;
  instance_id: string;
  key_thumbprint: string;
  /** Where its calls stand. */
  chain: CallChain;
  /**
   * Counts changes of the chain, so that of two concurrent calls each is judged by what the other
   * left.
   */
  revision: number;
}
