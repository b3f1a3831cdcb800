/** Every limit in one place: the unit is in the name, the reason beside the value. */
export const limits = {
  /** product.md, section 6. A Debian userland layer is well under this; beyond it an ingest would outlive its Lambda. */
  layerBytesMax: 4 * 1024 ** 3,
  /** A full Debian desktop has about 400,000 files; what has more could not be composed, see `composeEntriesMax`. */
  layerEntriesMax: 600_000,
  /** Files of a layer laid out, each hard link as a file of its own: git's 150 links to one program take half a GiB. */
  layerUnpackedBytesMax: 16 * 1024 ** 3,
  /** Paths, link targets and extended attributes of one layer together: the file index is held in memory. */
  layerIndexBytesMax: 128 * 1024 ** 2,
  /** One file's pax header; Linux lists at most 64 KiB of attribute names a file, real headers are under 1 KiB. */
  paxHeaderBytesMax: 1024 ** 2,
  /** An OCI manifest or index; the distribution spec asks registries for at least 4 MiB. */
  manifestBytesMax: 4 * 1024 ** 2,
  /** An image's config: Docker's are under 20 KiB. */
  imageConfigBytesMax: 1024 ** 2,
  /** Layers of an image; Docker and containerd stop at 127. */
  imageLayersMax: 127,
  /** manifest.json or manifest.yaml of a module: thousands of patterns fit. */
  moduleManifestBytesMax: 1024 ** 2,
  /** One glob; a longer one could only match paths that Linux refuses. */
  globBytesMax: 4096,
  /** States and their positions that one set of globs keeps, some 50 MB; past either it starts anew. */
  globStatesMax: 10_000,
  globPositionsMax: 2_000_000,
  /**
   * Positions that one set of globs looks at before it gives up, some seconds: a hundred patterns need 10,000 for all paths of
   * a system, since states are kept; globs and paths that were made for each other would need any number.
   */
  globWorkMax: 40_000_000,
  /** Paths told to `validate`: about 1 MiB of request, which Lambda (6 MiB) takes; larger modules are judged by pattern. */
  validateFilesMax: 20_000,
  /** Pairs of globs compared to spare reading a neighbour's files: thousands take some tens of milliseconds, as a read does. */
  globPairsMax: 5_000,
  /** Capabilities of one module: each is a row of the table, and real modules offer a few. */
  capabilitiesMax: 100,
  /** Neighbours whose file lists `validate` reads at once: each may take tens of megabytes. */
  validateReadsAtOnce: 4,
  /**
   * States that a comparison of two globs visits, under a second and 100 MB: globs of a few hundred bytes with many stars
   * stay below.
   */
  globComparisonStatesMax: 250_000,
  /** Entries of all layers of a composition: 400,000 take 830 MB and 6 s, and the function has 1.7 GB. */
  composeEntriesMax: 600_000,
  /** Entries of all layers of a previewed composition: so many take 500 MB (bench/preview.ts), half of what the API has. */
  previewEntriesMax: 200_000,
  /** Rows of each list of a preview: a page that people read, and well under the 6 MB that Lambda answers. */
  previewListMax: 1_000,
  /**
   * JSON bytes of each of these lists: eleven of them, with all else, stay under the 6 MB, however long the paths are. Paths of
   * usual length reach the rows first.
   */
  previewListBytesMax: 400_000,
  /** Instances whose rendered files a preview compares: each is rendered twice; those of one template differ little. */
  previewInstancesMax: 20,
  /** Instances read to find those of the previewed track. */
  previewInstancesRead: 2_000,
  /**
   * Bytes of a template's files that are rendered, and of what is rendered for one machine: configuration, of a few KB each.
   * All are in each desired state, as base64.
   */
  renderedBytesMax: 8 * 1024 ** 2,
  /** Lines compared between the first and the last difference of two texts: under 20 ms and 20 MB where all differ. */
  diffLinesCompared: 500,
  /** Characters shown of a line that differs. */
  diffLineLengthMax: 300,
  /** Brackets open at once in a manifest, those in its texts counted: a level costs YAML's parser over a kilobyte. */
  manifestDepthMax: 1000,
  /** YAML aliases expanded in one manifest: people use a few, a "billion laughs" document thousands. */
  yamlAliasesMax: 100,
  /** Problems listed for one manifest: nobody reads more, and a hostile document could have a million. */
  manifestProblemsMax: 200,
  /** PATH_MAX of Linux. */
  pathBytesMax: 4096,
  /** NAME_MAX of Linux. */
  nameBytesMax: 255,
  /** Files up to this size are kept in a composefs image; mkcomposefs' own value, so it is part of every digest. */
  inlineFileBytesMax: 64,
  /** Content that a line of a composefs dump may hold (LCFS_INLINE_CONTENT_MAX of libcomposefs). */
  inlineContentBytesMax: 5000,
  /** One line of a composefs dump: its longest fields, escaped, are under 200 KiB. */
  dumpLineBytesMax: 1024 ** 2,
  /** One signature bundle or simple-signing layer; real ones are under 20 KiB. */
  signatureBytesMax: 1024 ** 2,
  /** Brackets open at once in a bundle: its own levels are under ten. */
  bundleDepthMax: 100,
  /** Candidates read for one artifact: more are an attack on our time (fixtures/cosign/README.md). */
  signatureCandidatesMax: 50,
  /** Referrers listed of one artifact, and pages: of more than `signatureCandidatesMax` only the likeliest are read. */
  referrersMax: 1000,
  referrerPagesMax: 100,
  /** Transparency log entries or timestamps in one signature: one of each is normal, each costs a verification. */
  signatureEvidenceMax: 16,
  /** Policies kept compiled in a process: those of the modules that a warm worker meets; each holds a few KiB. */
  compiledPoliciesMax: 200,
  /** Trust roots kept parsed in a process: the public one and a few private ones, about 100 KiB each. */
  parsedTrustRootsMax: 20,
  /** A `trusted_root.json`: real ones are under 20 KB, a row of the table holds 400 KB, and each row and policy has its own. */
  trustedRootBytesMax: 128 * 1024,
  /** Left of the trust root's freshness, in days, below which somebody is to look: Sigstore signs anew three days before the end. */
  trustRootDaysLeftMin: 2,
  /** An identity or issuer regexp; the longest sensible ones are a few hundred characters. */
  regexpLengthMax: 2048,
  /** How long a registry may take to answer with headers. */
  registryFirstByteMs: 10_000,
  /** How long a stream from a registry may stand still. */
  registryStallMs: 20_000,
  /** How long a registry may take to check and store an upload whose last byte it has: gigabytes get hashed and moved. */
  registryCommitMs: 120_000,
  /** How long a whole manifest, tag page or token may take: a registry that drips bytes must not hold a worker. */
  registryDocumentMs: 60_000,
  /** How long all downloads of one refresh of the trust root may take: its function has two minutes. */
  downloadsMs: 90_000,
  /** A webhook's body: Harbor's and GitHub's are under 50 KB, a registry bundles some hundred events. */
  hookBodyBytesMax: 1024 ** 2,
  /** Repositories that one webhook has polled. */
  hookRepositoriesMax: 100,
  /** How long a delivery is remembered: longer than any product goes on sending one again. */
  hookRememberSeconds: 7 * 24 * 3600,
  /** Times that the stream of one blob is taken up again where it broke off, and the first wait, which doubles: 3 s in all. */
  blobResumesMax: 5,
  blobResumeWaitMs: 100,
  /** How long a worker keeps credentials of a registry before it reads them again; ECR's are renewed this long before their end. */
  registryCredentialsMs: 5 * 60_000,
  /** Tokens of a registry kept by a worker: one a repository, some kilobytes each. */
  registryTokensMax: 1000,
  /** A token is not used for the last of its life: it must not end on its way. */
  registryTokenMarginMs: 10_000,
  /** Tags asked for in one page. */
  tagPageSize: 1000,
  /** Tags read of one repository: each of some ten thousand versions may have one more for its signatures. */
  tagsMax: 50_000,
  /** Signed TUF metadata: the rendered files and masks of a large template fit many times over. */
  directorMetadataBytesMax: 32 * 1024 ** 2,
  /** How far a DPoP proof's time may be from the server's clock, either way (RFC 9449, section 11.1). */
  dpopWindowMs: 60_000,
  /** Nonces remembered of one credential: a call cannot be so late that more others came between and its proof still counts. */
  callsRemembered: 50,
  /** How far a machine's clock may be from the control plane's before it says so: a proof made by it would be refused. */
  clockSkewMs: 60_000,
  /** A DPoP proof in compact form; real ones are under 700 characters. */
  dpopProofBytesMax: 4096,
  /** JSON answers of the control plane to an agent: 500 presigned URLs are under 1 MiB. */
  agentAnswerBytesMax: 4 * 1024 ** 2,
  /** Signature candidates of one artifact, as kept for agents. */
  evidenceBytesMax: 64 * 1024 ** 2,
  /** Characters of the sentence in a machine's report; agents cut theirs, or the longest would not be taken. */
  reportMessageMax: 2000,
  /** How long an agent waits for an answer's headers, and for a stream that stands still. */
  agentStallMs: 30_000,
  /** Slower, and an agent gives up: the largest layer would take longer than a desired state lives. */
  agentBytesPerSecondMin: 8 * 1024,
  /** Between two looks of an agent at its desired state (product.md, section 9), before jitter. */
  agentTickMs: 60_000,
  /** Between two heartbeats, each of which renews the presigned URL, which is good for an hour. */
  agentHeartbeatMs: 55 * 60_000,
  /** Until a machine counts as silent: agents report at least once an hour, and two such reports may be lost. */
  agentSilentMs: 3 * 60 * 60_000,
  /** Generations an agent keeps: the running one and the one before it. */
  agentGenerationsKept: 2,
  /** Conflicting paths listed in one answer: two copies of a whole system conflict in every file. */
  conflictsShownMax: 100,
  /** Products of lengths of patterns that are compared at a time, for warnings or before files are read: half a second. */
  overlapWorkMax: 2_000_000,
  /**
   * Versions tried in one dependency resolution, 256 questions whether a version meets a demand counting as one: real sets
   * need about one a module, a pathological one answers in seconds.
   */
  resolutionStepsMax: 50_000,
  /**
   * Modules that any version within reach of a template may lead to: each is some reads, and a row that notes the look. The
   * names of all, at most 127 bytes each, stand in one row of the table, which holds 400 KB.
   */
  consideredModulesMax: 3_000,
  /** Modules of one template with all that they require; the search goes as deep as there are modules. */
  resolutionModulesMax: 2_000,
  /** Characters of the reason for which a task of Step Functions failed: its own bound. */
  taskCauseLengthMax: 32_768,
  /** Demands and versions named of modules that cannot be had, and modules of one chain of requirements: what people read. */
  clashDemandsShown: 5,
  clashVersionsShown: 20,
  chainStepsShown: 12,
  /** Life of an account's root metadata: it is rotated well before, and machines without Gantry outlive outages. */
  accountRootDays: 3650,
  /** Keys that may sign an account's root: as many as people and machines hold one, and every agent checks each. */
  rootKeysMax: 20,
  /** Roots that one heartbeat hands to an agent that is behind; the next heartbeat brings the rest. */
  rootsPerHeartbeat: 20,
  /** Instances whose desired state one run of the sweep has signed anew after an account's director key changed. */
  rotationPageSize: 2000,
  /** Accounts that one run of the sweep does so for: together they stay within its minute. */
  rotationsPerRun: 5,
  /** Life of a desired state (product.md, section 9); signed again at half. */
  desiredStateDays: 7,
  /** Life of the URLs that agents read S3 with; heartbeats renew them. */
  presignedSeconds: 3600,
  /** Life of a join token. */
  joinTokenSeconds: 24 * 3600,
  /** How long a candidate without a satisfying signature is asked again (product.md, section 4). */
  awaitSignatureSeconds: 24 * 3600,
  /** First wait before a candidate is asked again; doubles up to `verifyRetryMaxSeconds`. */
  verifyRetryMinSeconds: 30,
  verifyRetryMaxSeconds: 3600,
  /** Between two polls of one repository that works. */
  pollSeconds: 60,
  /** Between two polls of one that fails: doubles from `pollSeconds` up to this. */
  pollFailureMaxSeconds: 6 * 3600,
  /** How long a poll may take before another scheduler may claim the repository. */
  pollClaimSeconds: 300,
  /** Known tags are looked at again at least this often. */
  tagRecheckSeconds: 3600,
  /** New tags taken up in one poll; a repository with more is polled again at once. */
  freshTagsMax: 500,
  /** How long one poll takes up new tags before it lets others have the worker; the rest is for the next poll. */
  pollWorkMs: 45_000,
  /** Ignored tags shown of one repository: enough to see what is meant, few enough for a row of the table. */
  ignoredTagsShown: 200,
  /** Tags kept at one digest; further ones are known, and change nothing. */
  tagsPerDigestMax: 200,
  /** Candidates that one request for a poll has verified again. */
  requestedVerificationsMax: 100,
  /** Platforms of one version: they are kept in one row of the table. */
  platformsMax: 50,
  /** A version's manifest as JSON: it is kept in a row of the table, which holds 400 KB. */
  versionManifestBytesMax: 192 * 1024,
  /** What a verdict that is kept quotes of a signature's signer; real ones are under 300 characters. */
  verdictTextMax: 1000,
  /** How long a verdict is remembered: past the daily re-verification, and short enough that forgotten ones cost nothing. */
  verdictRememberSeconds: 30 * 24 * 3600,
  /** Quarantines of versions that are handed out, in one account within the window, after which a person is asked. */
  quarantinesMax: 5,
  quarantineWindowSeconds: 24 * 3600,
  /** The same where there are too many long texts; digests, of 71 characters, stay whole. */
  verdictTextShortMax: 80,
  /** Verdicts of one artifact as JSON: they are kept in a row of the table beside a version's manifest. */
  verdictBytesMax: 100 * 1024,
  /** Known tags looked at again in one poll at least, where so many are due; the more there are, the more it is. */
  tagRechecksMax: 20,
  /** Due repositories, and candidates, that one scheduler run reads: some ten seconds of claims and messages. */
  pollsPerRun: 10_000,
  /** Claims of a scheduler run on their way at the same time. */
  claimsAtOnce: 64,
  /** How long a scheduler run hands out, so that it ends before the next begins. */
  scheduleWorkMs: 50_000,
  /** How long a registry is left alone that limits the rate of requests without saying for how long. */
  registryPauseSeconds: 60,
  /** Wait of a piece of work that found all places at a registry taken, and the spread of the first wait of any. */
  budgetWaitSeconds: 5,
  /** Longest such wait: SQS delays a message by fifteen minutes at most. */
  budgetWaitMaxSeconds: 900,
  /** An operation that nothing touched for this long is asked whether its execution still lives. */
  operationIdleSeconds: 60,
  /** Until the sweep looks again at an execution that it found alive: thousands may wait for approval, for days. */
  operationLookSeconds: 600,
  /** Times that work is done again at once because a record changed meanwhile; past it the queue or the caller retries. */
  conflictAttemptsMax: 10,
  /** Times that a change is composed anew because a template changed before it was applied; each takes some seconds. */
  planRoundsMax: 10,
  /** Templates whose revisions one transaction holds; DynamoDB takes 100 writes, the change itself has up to ten. */
  plannedTemplatesMax: 80,
  /** Tracks of templates that one change composes: their list travels through an execution, 256 KiB at most. */
  templateTracksMax: 3000,
  /** Executions that are started for one operation before it is given up. */
  operationAttemptsMax: 5,
  /** One request's body: a manifest of moduleManifestBytesMax fits as JSON, and Lambda takes 6 MiB at most. */
  apiBodyBytesMax: 4 * 1024 ** 2,
  /** Items of one page of a list as JSON: Lambda answers 6 MiB at most. */
  pageBytesMax: 4 * 1024 ** 2,
  /** How long an Idempotency-Key is remembered: a client that retries later than a day meant something new. */
  idempotencySeconds: 24 * 3600,
  /** How long a request that was cut off keeps its Idempotency-Key: past API Gateway's 30 s it cannot be running. */
  idempotencyClaimSeconds: 60,
  /** Between two looks of a running agent that read every file again, whatever its change time says. */
  agentFullLookMs: 60 * 60_000,
  /** How long the command line waits for one answer: past API Gateway's 30 s none comes. */
  clientTimeoutMs: 35_000,
  /** How often the command line sends a request that fails on its way. */
  clientAttemptsMax: 3,
  /** Instances that one page of a fleet answer looks at: some ten megabytes of rows, read in a few seconds. */
  fleetInstancesMax: 2000,
  /** Instances that one query of a fleet answer asks for: a page's memory grows by as much at a time. */
  fleetReadSize: 500,
  /** Modules in one fleet answer, and digests of each: agents may report any; answers stay under Lambda's 6 MiB. */
  fleetModulesMax: 500,
  fleetDigestsMax: 20,
  /** Newest versions of a module by which a fleet answer names digests; older ones are asked for by module. */
  fleetVersionsRead: 200,
  /** Rows, lists and file indexes that one call reads or writes at the same time: more only wait in the client. */
  storeReadsAtOnce: 16,
  /** Age below which an object is never collected: whatever is to name it, or still reads it, has long ended by then. */
  objectGraceSeconds: 24 * 3600,
  /** Age past which an object that is named again is made young: a function, 15 minutes at most, is far from the rest. */
  objectRenewSeconds: 12 * 3600,
} as const;
