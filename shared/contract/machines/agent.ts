import { z } from 'zod';
import { digestSchema } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';

/**
 * `{url, account, instance, secret, root_sha256}`, as base64url JSON: the argument of `gantry agent
 * enroll`.
 */
export const joinToken = z.object({
  url: z.url(),
  account: z.string(),
  instance: z.string(),
  secret: z.string(),
  root_sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export type JoinToken = z.infer<typeof joinToken>;

/** The report of an agent after a tick. */
export const agentReport = z.object({
  /** `applied`, `unchanged`, `stale`, or `refused` with the error's code and sentence. */
  status: z.enum(['applied', 'unchanged', 'stale', 'refused']),
  code: z.string().max(100).nullable(),
  message: z.string().max(limits.reportMessageMax).nullable(),
  desired_state_version: z.number().int().nonnegative(),
  composition_digest: digestSchema.nullable(),
  /** Name (or `<account>/<name>` of another account's) → composefs digest. */
  running_module_digests: z
    .record(z.string().max(127), digestSchema)
    .refine((modules) => Object.keys(modules).length <= 500, 'expected at most 500 modules'),
  health: z.enum(['healthy', 'degraded', 'unknown']),
  agent_version: z.string().max(100),
});

export type AgentReport = z.infer<typeof agentReport>;

/**
 * The response to enrolment. `credential` is shown once; every later call proves the key that it is
 * bound to (RFC 9449).
 */
export const enrollAnswer = z.object({
  credential: z.string(),
  instance: z.string(),
  account: z.string(),
  /**
   * The account's root metadata, as signed (base64 of the bytes); its SHA-256 is pinned by the join
   * token.
   */
  root: z.string(),
});

/** The public half of a machine's X25519 key: 32 bytes as base64url. Values are sealed to it. */
export const sealingKeySchema = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);

/** The hourly heartbeat of an agent. */
export const heartbeatRequest = z.object({
  /** The version of the account root that it trusts. The response has its successors. */
  root_version: z.int().min(1),
  agent_version: z.string().max(100),
  /** Agents of older releases have none. */
  sealing_key: sealingKeySchema.exactOptional(),
});

/** The response to a heartbeat: presigned URLs, valid for about an hour. */
export const heartbeatAnswer = z.object({
  desired_state_url: z.url(),
  /**
   * The account roots that follow the agent's, oldest first. The agent verifies them one by one.
   */
  root_urls: z.array(z.url()),
  expires_at: z.iso.datetime(),
});

/**
 * The request and response for presigned URLs of content that the instance's desired state names.
 */
export const artifactUrlsRequest = z.object({
  digests: z.array(z.string()).max(limits.artifactUrlsMax),
});

export const artifactUrlsAnswer = z.object({
  urls: z.record(z.string(), z.url()),
});
