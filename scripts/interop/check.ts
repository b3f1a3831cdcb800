/** A pair of signer and verifier, and whether the signature should be accepted. */
export interface Check {
  what: string;
  accept: boolean;
  /** Throws if the signature is refused. */
  verify: () => Promise<unknown>;
}
