import type { Command } from 'commander';
import {
  type Context,
  readContexts,
  removeContext,
  requireContext,
  saveContexts,
} from '../../client/config.ts';
import { describe, type Flags } from '../../command.ts';
import { formatFields, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry context …`: the connections that `gantry login` saved. */
export function register(command: Command): void {
  describe(command.command('list').description('list the saved contexts, without their tokens'), {
    examples: ['gantry context list'],
    action: list,
  });
  describe(
    command.command('show [context]').description('show a context (default: the current one)'),
    { examples: ['gantry context show', 'gantry context show prod'], action: show },
  );

  describe(
    command.command('use <context>').description('make a context the current one of all commands'),
    {
      examples: ['gantry context use prod'],
      notes:
        'For one command, use --context <name> instead. For one shell, set GANTRY_CONTEXT to the name.',
      action: use,
    },
  );

  describe(
    command
      .command('delete <context>')
      .description('delete a context from this machine; its token stays valid'),
    { examples: ['gantry context delete prod'], action: remove },
  );
}

/** What is shown of a context: never its token. */
function viewOf({ name, url, account }: Context, current: string | null) {
  return { name, url, account: account ?? null, current: name === current };
}

async function list(flags: Flags): Promise<ExitCode> {
  const saved = await readContexts();
  const contexts = saved.contexts.map((one) => viewOf(one, saved.current));

  print(flags.json, { contexts }, () =>
    table(
      ['CURRENT', 'NAME', 'ACCOUNT', 'URL'],
      contexts.map(({ name, url, account, current }) => [current ? '*' : '', name, account, url]),
      'No contexts are saved. Run "gantry login".',
    ),
  );

  return 0;
}

async function show(name: string | undefined, flags: Flags): Promise<ExitCode> {
  const { current, contexts } = await readContexts();
  const wanted = name ?? (process.env.GANTRY_CONTEXT || current);
  const context = viewOf(requireContext(contexts, wanted ?? 'none'), current);

  print(flags.json, { context }, () =>
    formatFields([
      ['name', context.name],
      ['account', context.account],
      ['URL', context.url],
      ['current', context.current ? 'yes' : 'no'],
    ]),
  );

  return 0;
}

async function use(name: string, flags: Flags): Promise<ExitCode> {
  const saved = await readContexts();
  const { url } = requireContext(saved.contexts, name);
  await saveContexts({ ...saved, current: name });
  print(flags.json, { current: name, url }, () => `using ${name} at ${url}`);
  return 0;
}

async function remove(name: string, flags: Flags): Promise<ExitCode> {
  const saved = await readContexts();
  requireContext(saved.contexts, name);
  await saveContexts(removeContext(saved, name));
  print(flags.json, { deleted: name }, () => `deleted ${name}`);
  return 0;
}
