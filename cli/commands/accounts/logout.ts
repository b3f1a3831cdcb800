import type { Command } from 'commander';
import { readContexts, removeContext, requireContext, saveContexts } from '../../client/config.ts';
import { describe, type Flags } from '../../command.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry logout`: revokes a saved token and deletes its context. */
export function register(command: Command): void {
  command
    .argument('[context]', 'name of the context (default: the current one)')
    .option('--keep-token', 'only delete the context; the token stays valid');
  describe(command, {
    examples: ['gantry logout', 'gantry logout prod --keep-token'],
    notes:
      'Only your own token is revoked. An admin revokes a service token with "gantry token revoke".',
    action: logout,
  });
}

async function logout(
  named: string | undefined,
  flags: Flags & { keepToken?: true },
): Promise<ExitCode> {
  const saved = await readContexts();
  const name = named ?? (process.env.GANTRY_CONTEXT || saved.current);
  const context = requireContext(saved.contexts, name ?? 'none');

  const revoked = flags.keepToken ? null : await revokeOwnToken(context);
  await saveContexts(removeContext(saved, context.name));

  const token = revoked === null ? 'its token stays valid' : `revoked its token ${revoked}`;
  print(
    flags.json,
    { deleted: context.name, revoked },
    () => `logged out of ${context.url}: deleted the context ${context.name}, ${token}`,
  );
  return 0;
}

/** Returns the id of the token; null for one that no longer counts, or of no member. */
async function revokeOwnToken(context: { url: string; token: string }): Promise<string | null> {
  const [{ makeClient }, { responses }, { isGantryError }] = await Promise.all([
    import('../../client/client.ts'),
    import('../../client/response-schemas.ts'),
    import('../../../shared/base/error.ts'),
  ]);

  const client = makeClient(context);
  try {
    const { caller } = await client.get(responses.caller, '/whoami');
    if (caller.member === null) return null;
    await client.send(responses.nothing, 'DELETE', `/members/me/tokens/${caller.token.id}`);
    return caller.token.id;
  } catch (error) {
    if (isGantryError(error) && error.code === 'unauthenticated') return null;
    throw error;
  }
}
