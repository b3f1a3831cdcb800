/** Limits of signatures, verdicts and trust roots. */
export const signaturesLimits = {
  /** One signature bundle or simple-signing layer; real ones are under 20 KiB. */
  signatureBytesMax: 1024 ** 2,
  /**
   * One bundle that says it is an attestation: the SBOM of a module with a thousand packages is
   * under 4 MiB, and base64 makes it a third longer.
   */
  attestationBytesMax: 8 * 1024 ** 2,
  /**
   * Signatures of one artifact together, and attestations together: a function reads both in
   * memory. They are counted apart, so that no attestation takes the room of a signature.
   */
  foundSignaturesBytesMax: 16 * 1024 ** 2,
  foundAttestationsBytesMax: 32 * 1024 ** 2,
  /** Licences that the summary of an SBOM names, and characters of each, since some are long. */
  summarizedLicensesMax: 5,
  summarizedLicenseLengthMax: 60,
  /**
   * Further subjects in the summary of an attestation. Of one that is not about the whole artifact,
   * only these builds count: workflows attest one build in each.
   */
  furtherSubjectsMax: 2,
  /** Depth of brackets in a bundle: real ones have under ten levels. */
  bundleDepthMax: 100,
  /** Signatures read per artifact: more are an attack on our time (fixtures/cosign/README.md). */
  foundSignaturesMax: 50,
  /**
   * Referrers listed per artifact, and pages. If there are more than `foundSignaturesMax`, only the
   * likeliest are read.
   */
  referrersMax: 1000,
  /** Manifests of referrers that are read to find the likeliest: a second or two. */
  referrerManifestsMax: 250,
  referrerPagesMax: 100,
  /**
   * How long a repository counts as one without the referrers API, and how many do: the registry
   * may get it by an update.
   */
  referrersAbsentMs: 10 * 60_000,
  referrersAbsentMax: 1000,
  /** So few signatures in one place are read while Gantry waits for the lists of other places. */
  signaturesReadAheadMax: 4,
  /**
   * Transparency log entries or timestamps in one signature: one of each is normal, and each costs
   * a verification.
   */
  signatureProofsMax: 16,
  /**
   * Compiled policies that a process caches: those of the modules that a warm worker meets, a few
   * KiB each.
   */
  compiledPoliciesMax: 200,
  /**
   * Parsed trust roots that a process caches: the public one and a few private ones, about 100 KiB
   * each.
   */
  parsedTrustRootsMax: 20,
  /**
   * A `trusted_root.json`: real ones are under 20 KB, a row of the table holds 400 KB, and each row
   * and policy has its own.
   */
  trustedRootBytesMax: 128 * 1024,
  /**
   * An alarm is raised when the trust root expires in fewer days. Sigstore signs again three days
   * before the end.
   */
  trustRootDaysLeftMin: 2,
  /** An identity or issuer regexp; the longest sensible ones are a few hundred characters. */
  regexpLengthMax: 2048,
  /**
   * Total time for all downloads of one refresh of the trust root: its function has two minutes.
   */
  downloadsMs: 90_000,
  /** Stored signatures of one artifact, in the form that agents receive. */
  storedSignaturesBytesMax: 64 * 1024 ** 2,
  /**
   * Characters of a signer's text that a stored verdict quotes; real ones are under 300 characters.
   */
  verdictTextMax: 1000,
  /**
   * How long a verdict is remembered: longer than the daily re-verification, and short enough that
   * unused ones cost nothing.
   */
  verdictRememberSeconds: 30 * 24 * 3600,
  /** The same if there are too many long texts. Digests, of 71 characters, stay whole. */
  verdictTextShortMax: 80,
  /** Verdicts of one artifact as JSON: they share a row of the table with a version's manifest. */
  verdictBytesMax: 100 * 1024,
  /**
   * How long a certificate authority, log or timestamp authority may take for one signature: a log
   * of Rekor 2 responds with its next checkpoint, within seconds.
   */
  signingTimeoutMs: 20_000,
  /** One response of such a service, or of the issuer of a CI job: some kilobytes. */
  signingResponseBytesMax: 1024 ** 2,
  /** How long a certificate signs: half of the ten minutes that Fulcio's live. */
  certificateUseMs: 5 * 60_000,
  /** How long a person may take to sign in: the codes of issuers live five to fifteen minutes. */
  signInTimeoutMs: 10 * 60_000,
} as const;
