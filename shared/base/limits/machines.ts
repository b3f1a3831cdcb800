/** Limits of machines and their agents. */
export const machinesLimits = {
  /**
   * How far a DPoP proof's time may be from the server's clock, either way (RFC 9449, section
   * 11.1).
   */
  dpopWindowMs: 60_000,
  /**
   * Nonces remembered of one credential: a call cannot be so late that more others came between and
   * its proof still counts.
   */
  callsRemembered: 50,
  /**
   * How far a machine's clock may be from the control plane's before it says so: a proof made by it
   * would be refused.
   */
  clockSkewMs: 60_000,
  /** A DPoP proof in compact form; real ones are under 700 characters. */
  dpopProofBytesMax: 4096,
  /** JSON answers of the control plane to an agent: 500 presigned URLs are under 1 MiB. */
  agentAnswerBytesMax: 4 * 1024 ** 2,
  /**
   * Characters of the sentence in a machine's report; agents cut theirs, or the longest would not
   * be taken.
   */
  reportMessageMax: 2000,
  /** How long an agent waits for an answer's headers, and for a stream that stands still. */
  agentStallMs: 30_000,
  /**
   * Slower, and an agent gives up: the largest layer would take longer than a desired state lives.
   */
  agentBytesPerSecondMin: 8 * 1024,
  /** Between two looks of an agent at its desired state (product.md, section 9), before jitter. */
  agentTickMs: 60_000,
  /** Between two heartbeats, each of which renews the presigned URL, which is good for an hour. */
  agentHeartbeatMs: 55 * 60_000,
  /**
   * Until a machine counts as silent: agents report at least once an hour, and two such reports may
   * be lost.
   */
  agentSilentMs: 3 * 60 * 60_000,
  /** Generations an agent keeps: the running one and the one before it. */
  agentGenerationsKept: 2,
  /**
   * Between two looks of a running agent that read every file again, whatever its change time says.
   */
  agentFullLookMs: 60 * 60_000,
  /**
   * Instances that one page of a fleet answer looks at: some ten megabytes of rows, read in a few
   * seconds.
   */
  fleetInstancesMax: 2000,
  /**
   * Instances that one query of a fleet answer asks for: a page's memory grows by as much at a
   * time.
   */
  fleetReadSize: 500,
  /**
   * Modules in one fleet answer, and digests of each: agents may report any; answers stay under
   * Lambda's 6 MiB.
   */
  fleetModulesMax: 500,
  fleetDigestsMax: 20,
  /**
   * Newest versions of a module by which a fleet answer names digests; older ones are asked for by
   * module.
   */
  fleetVersionsRead: 200,
} as const;
