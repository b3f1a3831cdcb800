import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { describe, type Flags, parseWholeNumber } from '../../command.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry category …` */
export function register(command: Command): void {
  describe(command.command('list').description('list categories, lowest position first'), {
    examples: ['gantry category list'],
    action: list,
  });
  describe(
    command
      .command('create <slug>')
      .description('create a category')
      .requiredOption(
        '--position <number>',
        'base priority of its layers; higher wins',
        parseWholeNumber,
      ),
    { examples: ['gantry category create databases --position 80'], action: create },
  );
}

async function list(flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const categories = await client.all(responses.categories, 'categories', '/categories');

  print(flags.json, { categories }, () =>
    table(
      ['SLUG', 'POSITION'],
      categories.map(({ slug, position }) => [slug, position]),
      'The account has no categories.',
    ),
  );

  return 0;
}

async function create(slug: string, flags: Flags & { position: number }): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.send(responses.category, 'POST', '/categories', {
    slug,
    position: flags.position,
  });

  print(
    flags.json,
    response,
    () => `created category ${slug} at position ${response.category.position}`,
  );

  return 0;
}
