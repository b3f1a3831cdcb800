/** A pair of signer and verifier, and whether the signature should be accepted. */
export interface Check {
  what: string;
  accept: boolean;
  /** Throws if the signature is refused. */
  verify: () => Promise<unknown>;
}

/** Runs a program with arguments, and returns its output. */
export type Program = (...args: string[]) => Promise<string>;

/** What the checks share. */
export interface Bench {
  /** Scratch directory, also the working directory of the programs. */
  directory: string;
  /** Host of an empty registry. */
  host: string;
  cosign: Program;
  /** `gantry module …` */
  gantry: Program;
}
