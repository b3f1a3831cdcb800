import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { GantryError } from '../shared/base/error.ts';
import { claimNames, type SignaturePolicy } from '../shared/domain/signatures/index.ts';

const signerIdentity = z.strictObject({
  identity_regexp: z.string(),
  issuer_regexp: z.string(),
  claims: z.partialRecord(z.enum(claimNames), z.string()).exactOptional(),
});

/**
 * The machine's own policy: `{modules: {"acme/*": {keys: […], identities: […], require_tlog, trusted_root}}}`. It is asked
 * besides the signed one, so it can only tighten; a module that no pattern names is refused.
 */
const localPolicy = z.strictObject({
  modules: z.record(
    z
      .string()
      .regex(/^[^/\s]+\/[^/\s]+$/, 'expected <account>/<module>, `*` for any part of either'),
    z.strictObject({
      identities: z.array(signerIdentity).default([]),
      keys: z.array(z.string()).default([]),
      require_tlog: z.boolean().default(true),
      trusted_root: z.unknown().default(null),
      annotations: z.record(z.string(), z.string()).optional(),
      attestations: z
        .array(
          z.strictObject({
            predicate_type: z.string(),
            builder_regexp: z.string().exactOptional(),
          }),
        )
        .default([]),
    }),
  ),
});
export type LocalPolicy = z.infer<typeof localPolicy>;

/** Reads a policy file. One that is asked for and cannot be read stops the agent: no policy is not a lax policy. */
export async function readLocalPolicy(path: string): Promise<LocalPolicy> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new GantryError(
      'io_error',
      `The local policy ${path} cannot be read: ${(cause as Error).message}.`,
      {
        cause,
      },
    );
  }
  try {
    return localPolicy.parse(JSON.parse(text));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined;
    const why =
      issue === undefined ? (cause as Error).message : `${issue.path.join('.')}: ${issue.message}`;
    throw new GantryError('invalid_request', `The local policy ${path} is not usable: ${why}.`, {
      cause,
    });
  }
}

/** Every policy of the file that speaks of a module (`<account>/<name>`); all of them must be satisfied. */
export function localPoliciesFor(policy: LocalPolicy, module: string): SignaturePolicy[] {
  return Object.entries(policy.modules)
    .filter(([pattern]) => matches(pattern, module))
    .map(([, { annotations, ...rest }]) => ({
      ...rest,
      ...(annotations === undefined ? {} : { annotations }),
    }));
}

function matches(pattern: string, module: string): boolean {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll(/\*+/g, '[^/]*');
  return new RegExp(`^${escaped}$`).test(module);
}
