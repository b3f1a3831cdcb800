import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { claimNames, type SignaturePolicy } from '../../shared/domain/signatures/index.ts';

const signerIdentity = z.strictObject({
  identity_regexp: z.string(),
  issuer_regexp: z.string(),
  claims: z.partialRecord(z.enum(claimNames), z.string()).exactOptional(),
});

/**
 * The machine's own policy: `{modules: {"acme/*": {keys: […], identities: […], require_tlog,
 * trusted_root}}}`. It counts besides the signed one, so it can only tighten. A module that no
 * pattern names is refused.
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
            source_regexp: z.string().exactOptional(),
          }),
        )
        .default([]),
    }),
  ),
});
export type LocalPolicy = z.infer<typeof localPolicy>;

/**
 * Reads a policy file.
 *
 * @throws `io_error`, `invalid_request`: without its policy an agent does nothing, because no
 * policy is the laxest one.
 */
export async function readLocalPolicy(path: string): Promise<LocalPolicy> {
  const text = await readText(path);
  try {
    return localPolicy.parse(JSON.parse(text));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined;
    const why =
      issue === undefined ? (cause as Error).message : `${issue.path.join('.')}: ${issue.message}`;
    throw new GantryError('invalid_request', `The local policy ${path} is invalid: ${why}.`, {
      cause,
    });
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new GantryError(
      'io_error',
      `The local policy ${path} cannot be read: ${(cause as Error).message}.`,
      { cause },
    );
  }
}

/**
 * Every policy of the file whose pattern matches a module (`<account>/<name>`); all of them must be
 * satisfied.
 */
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
