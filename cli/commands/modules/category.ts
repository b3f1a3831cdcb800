import type { Command } from 'commander';
import type { z } from 'zod';
import { categoryFilters } from '../../../shared/domain/modules/index.ts';
import { connect } from '../../client/api.ts';
import type { responses } from '../../client/response-schemas.ts';
import { describe, type Flags, parseWholeNumber } from '../../command.ts';
import { addYes, type ConfirmFlags, confirm } from '../../input/confirm.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

type UpdatedCategory = z.output<(typeof responses)['category']>;

const positionHelp = 'base priority of its layers; higher wins';

/** `gantry category …` */
export function register(command: Command): void {
  const listing = command.command('list').description('list categories, lowest position first');
  describe(addFilters(listing, categoryFilters), {
    examples: ['gantry category list'],
    action: list,
  });
  describe(
    command
      .command('create <slug>')
      .description('create a category')
      .requiredOption('--position <number>', positionHelp, parseWholeNumber),
    { examples: ['gantry category create databases --position 80'], action: create },
  );
  describe(
    command
      .command('rename <slug> <new-slug>')
      .description('rename a category; its modules and position stay'),
    { examples: ['gantry category rename databases storage'], action: rename },
  );
  describe(
    command
      .command('move <slug>')
      .description('change the position of a category without modules')
      .requiredOption('--position <number>', positionHelp, parseWholeNumber),
    { examples: ['gantry category move databases --position 85'], action: move },
  );
  describe(
    addYes(command.command('delete <slug>').description('delete a category without modules')),
    {
      examples: ['gantry category delete databases --yes'],
      no: { 1: 'it is in use' },
      action: remove,
    },
  );
}

async function update(slug: string, body: Record<string, unknown>): Promise<UpdatedCategory> {
  const { client, responses } = await connect();
  return client.send(responses.category, 'PATCH', pathOf(slug), body);
}

async function rename(slug: string, name: string, flags: Flags): Promise<ExitCode> {
  const response = await update(slug, { slug: name });
  print(flags.json, response, () => `renamed category ${slug} to ${name}`);
  return 0;
}

async function move(slug: string, flags: Flags & { position: number }): Promise<ExitCode> {
  const response = await update(slug, { position: flags.position });
  print(flags.json, response, () => `moved category ${slug} to position ${flags.position}`);
  return 0;
}

async function remove(slug: string, flags: Flags & ConfirmFlags): Promise<ExitCode> {
  await confirm(`delete category ${slug}`, flags);
  const { client, responses } = await connect();
  await client.send(responses.nothing, 'DELETE', pathOf(slug));
  print(flags.json, { deleted: slug }, () => `deleted category ${slug}`);
  return 0;
}

function pathOf(slug: string): string {
  return `/categories/${encodeURIComponent(slug)}`;
}

async function list(flags: Flags & FilterFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const categories = await client.all(
    responses.categories,
    'categories',
    '/categories',
    filterQuery(categoryFilters, flags),
  );

  print(flags.json, { categories }, () =>
    table(
      ['SLUG', 'POSITION'],
      categories.map(({ slug, position }) => [slug, position]),
      'There are no such categories.',
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
