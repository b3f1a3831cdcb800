/** Limits of machines and their agents. */
export const machinesLimits = {
  /**
   * When the sweep sends the first compose for a new machine, unless the API has sent it: the API
   * gives up after 29 s.
   */
  firstComposeSeconds: 60,
  /** Modules of one machine whose versions are read for a person: few machines have more. */
  namedModulesMax: 200,
  /**
   * How far a DPoP proof's time may be from the server's clock, either way (RFC 9449, section
   * 11.1).
   */
  dpopWindowMs: 60_000,
  /**
   * Nonces remembered per credential. A call that is later than this many others has an expired
   * proof.
   */
  callsRemembered: 50,
  /**
   * How far a machine's clock may differ from the control plane's before the machine reports it:
   * the control plane would refuse its proofs.
   */
  clockSkewMs: 60_000,
  /** A DPoP proof in compact form; real ones are under 700 characters. */
  dpopProofBytesMax: 4096,
  /** Presigned URLs in one response to an agent. */
  artifactUrlsMax: 500,
  /** JSON responses of the control plane to an agent: 500 presigned URLs are under 1 MiB. */
  agentAnswerBytesMax: 4 * 1024 ** 2,
  /**
   * Characters of the message in a machine's report. Agents truncate theirs, because a longer one
   * would be refused.
   */
  reportMessageMax: 2000,
  /** How long an agent waits for the headers of a response, and for a stalled stream. */
  agentStallMs: 30_000,
  /**
   * Below this speed an agent gives up: the largest layer would take longer than a desired state
   * lives.
   */
  agentBytesPerSecondMin: 8 * 1024,
  /**
   * How often one stream of a layer continues where it broke, and the first wait before that, which
   * doubles: about a minute in all, so a network that flaps costs no tick. The next tick continues
   * with what is in the store.
   */
  agentResumesMax: 8,
  agentResumeWaitMs: 250,
  /**
   * What one more request is worth in bytes: a round trip of 50 ms at 10 Mbit/s. A smaller gap
   * between two ranges is fetched with them, and a file index does not pay for a smaller layer.
   */
  agentRequestBytes: 64 * 1024,
  /**
   * Ranges of a layer that are fetched concurrently, and the longest that is held in memory before
   * its turn: 4 MiB in all.
   */
  agentRangesAtATime: 4,
  agentRangeAheadBytesMax: 1024 ** 2,
  /**
   * A file index that an agent reads, packed and unpacked: 400,000 files of a Debian desktop have
   * about 30 MiB and 120 MiB. A layer with more is fetched whole.
   */
  agentFileIndexBytesMax: 40 * 1024 ** 2,
  agentFileIndexUnpackedBytesMax: 160 * 1024 ** 2,
  /**
   * Time between two reads of the desired state by an agent (product.md, section 9), before jitter.
   */
  agentTickMs: 60_000,
  /** Time between two heartbeats. Each renews the presigned URL, which is valid for an hour. */
  agentHeartbeatMs: 55 * 60_000,
  /**
   * Time until a machine counts as silent. Agents report at least once an hour, and two such
   * reports may be lost.
   */
  agentSilentMs: 3 * 60 * 60_000,
  /**
   * Time after the signing of a desired state in which a machine that reported since then may still
   * be fetching it: fifteen ticks, or 900 MB at 1 MB/s. Later it has drifted.
   */
  agentPendingMs: 15 * 60_000,
  /**
   * Modules with a time of their own in `healthy_since`: the row of a machine has room for no more.
   */
  healthyModulesMax: 40,
  /** Generations an agent keeps: the running one and the one before it. */
  agentGenerationsKept: 2,
  /** Boots of a new root until the machine returns to the one before it. */
  agentTrialBootsMax: 3,
  /** Looks at a new root that runs and is not healthy until the machine returns: five minutes. */
  agentTrialLooksMax: 5,
  /**
   * Time between two checks in which a running agent reads every file again, whatever its change
   * time says.
   */
  agentFullLookMs: 60 * 60_000,
  /**
   * Files that an agent remembers as right between its ticks, and the most that it reads of the
   * memory: a Debian desktop has 400,000 in the store and as many in a root. More are read again.
   */
  agentFilesRemembered: 1_000_000,
  agentFileMemoryBytesMax: 32 * 1024 ** 2,
  /**
   * Longest time between two repairs of a root that is tampered with repeatedly: each is a new
   * generation, and a root that stays wrong for longer would help an attacker.
   */
  agentRepairWaitMaxMs: 60 * 60_000,
  /**
   * How long systemctl may take: a unit has 90 s to start, and 90 s to stop, by systemd's default.
   */
  agentSystemctlMs: 200_000,
  /** Journal lines of a failed unit in a report, and how long they may be in all. */
  agentJournalLines: 5,
  agentJournalCharactersMax: 600,
  agentJournalMs: 10_000,
  /** How long a started service must run before it counts as up. */
  agentSettleMs: 3000,
  /** Time between two looks at a service that is not healthy yet. */
  agentHealthPollMs: 1000,
  /**
   * The longest time that a service gets to become healthy. The next desired state waits meanwhile.
   */
  agentHealthWaitMaxMs: 5 * 60_000,
  /** How long a command at the machine waits for a tick that is under way. */
  agentLockWaitMs: 30_000,
  agentLockPollMs: 200,
  /** Below this an update of a few large files does not fit. */
  agentFreeBytesMin: 512 * 1024 ** 2,
  agentFreeInodesMin: 10_000,
  /** How long a shell may take to find a command: it reads a few files. */
  agentProbeMs: 10_000,
  /**
   * Instances that one page of a fleet response covers: about ten megabytes of rows, read in a few
   * seconds.
   */
  fleetInstancesMax: 2000,
  /**
   * Instances that one query for a fleet response reads. The memory for a page grows in such steps.
   */
  fleetReadSize: 500,
  /**
   * Modules in one fleet response, and digests of each. Agents may report any, and responses stay
   * under Lambda's 6 MiB.
   */
  fleetModulesMax: 500,
  fleetDigestsMax: 20,
  /**
   * Newest versions of a module with which a fleet response names digests. Older ones need a
   * request for the module.
   */
  fleetVersionsRead: 200,
} as const;
