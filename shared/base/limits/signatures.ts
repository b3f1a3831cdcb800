/** Limits of signatures, verdicts and trust roots. */
export const signaturesLimits = {
  /** One signature bundle or simple-signing layer; real ones are under 20 KiB. */
  signatureBytesMax: 1024 ** 2,
  /** Depth of brackets in a bundle: real ones have under ten levels. */
  bundleDepthMax: 100,
  /**
   * Signatures read for one artifact: more are an attack on our time (fixtures/cosign/README.md).
   */
  foundSignaturesMax: 50,
  /**
   * Referrers listed of one artifact, and pages: of more than `foundSignaturesMax` only the
   * likeliest are read.
   */
  referrersMax: 1000,
  referrerPagesMax: 100,
  /**
   * Transparency log entries or timestamps in one signature: one of each is normal, each costs a
   * verification.
   */
  signatureProofsMax: 16,
  /**
   * Policies kept compiled in a process: those of the modules that a warm worker meets; each holds
   * a few KiB.
   */
  compiledPoliciesMax: 200,
  /**
   * Trust roots kept parsed in a process: the public one and a few private ones, about 100 KiB
   * each.
   */
  parsedTrustRootsMax: 20,
  /**
   * A `trusted_root.json`: real ones are under 20 KB, a row of the table holds 400 KB, and each row
   * and policy has its own.
   */
  trustedRootBytesMax: 128 * 1024,
  /**
   * Days until the trust root expires below which an alarm is raised. Sigstore signs again three
   * days before the end.
   */
  trustRootDaysLeftMin: 2,
  /** An identity or issuer regexp; the longest sensible ones are a few hundred characters. */
  regexpLengthMax: 2048,
  /**
   * How long all downloads of one refresh of the trust root may take: its function has two minutes.
   */
  downloadsMs: 90_000,
  /** Stored signatures of one artifact, as agents get them. */
  storedSignaturesBytesMax: 64 * 1024 ** 2,
  /**
   * What a verdict that is kept quotes of a signature's signer; real ones are under 300 characters.
   */
  verdictTextMax: 1000,
  /**
   * How long a verdict is remembered: past the daily re-verification, and short enough that
   * forgotten ones cost nothing.
   */
  verdictRememberSeconds: 30 * 24 * 3600,
  /** The same where there are too many long texts; digests, of 71 characters, stay whole. */
  verdictTextShortMax: 80,
  /**
   * Verdicts of one artifact as JSON: they are kept in a row of the table beside a version's
   * manifest.
   */
  verdictBytesMax: 100 * 1024,
} as const;
