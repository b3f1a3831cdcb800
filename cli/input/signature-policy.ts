import type { Command } from 'commander';
import { GantryError } from '../../shared/base/error.ts';
import type { SignaturePolicy } from '../../shared/domain/signatures/index.ts';
import {
  addTrustOptions,
  readTrustFlags,
  type TrustFlags,
  trustedRootHelp,
} from './module-flags.ts';

/** Flags that say whose signature of an artifact counts, without a registration. */
export interface PolicyFlags extends TrustFlags {
  requireTlog: boolean;
}

/** Adds the options of `PolicyFlags`. */
export function addPolicyOptions(command: Command): Command {
  return addTrustOptions(command)
    .option('--trusted-root <file>', trustedRootHelp)
    .option('--no-require-tlog', 'accept signatures without a transparency log entry');
}

/** True if a flag names a signer. */
export function namesSigner({ key, identity, identityRegexp }: TrustFlags): boolean {
  return [key, identity, identityRegexp].some((values = []) => values.length > 0);
}

/**
 * Returns the signature policy of the options. Wrong options fail before the first call to the
 * registry.
 * @throws GantryError `usage`, `io_error`, and those of `compilePolicy`
 */
export async function readPolicy(
  flags: PolicyFlags,
  annotations?: Record<string, string>,
): Promise<SignaturePolicy> {
  const {
    identities = [],
    keys = [],
    trusted_root = null,
    attestations = [],
  } = await readTrustFlags(flags);

  if (!namesSigner(flags)) {
    throw new GantryError(
      'usage',
      'expected --key, or --identity with --issuer (or their -regexp forms), found neither',
    );
  }

  const { requireTlog: require_tlog } = flags;
  const { checkTrustedRoot, compilePolicy } = await import('../../shared/signature/index.ts');
  if (trusted_root !== null)
    checkTrustedRoot(trusted_root, { keyless: identities.length > 0, require_tlog });
  const policy = { identities, keys, require_tlog, trusted_root, attestations };
  const required = annotations === undefined ? policy : { ...policy, annotations };

  compilePolicy(required);
  return required;
}
