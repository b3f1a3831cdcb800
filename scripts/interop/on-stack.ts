import { join } from 'node:path';
import { keptAdminToken } from '../kept-token.ts';
import { cloudEnvironment } from '../local-cloud.ts';
import { type LocalStack, startLocalStack } from '../local-stack.ts';

interface StackUse {
  /** Gets the folder of the stack. */
  parent: string;
  account: string;
  say: (line: string) => void;
}

/** Gives a use a deployed platform of its own, with an admin's token. It ends with the use. */
export async function onStack<T>(
  { parent, account, say }: StackUse,
  use: (stack: LocalStack, token: string) => Promise<T>,
): Promise<T> {
  const directory = join(parent, 'stack');
  const stack = await startLocalStack({
    directory,
    portVariables: { cloud: 'GANTRY_CLOUD_PORT', site: 'GANTRY_PORT' },
    progress: say,
  });

  try {
    Object.assign(process.env, cloudEnvironment(stack.endpoint));
    return await use(stack, await keptAdminToken(stack, account, directory));
  } finally {
    await stack.stop();
  }
}
