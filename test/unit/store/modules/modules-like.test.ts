import { expect, it } from 'vitest';
import { createModule, modulesLike } from '../../../../shared/store/modules/index.ts';
import { storedModule } from '../../../support/stored.ts';
import { tableThat } from '../../../support/stub-table.ts';

/** An account with modules of these names, and how many rows each query returned. */
function accountWith(names: readonly string[]) {
  const items = names.map((name) => createModule(storedModule('acme', name)).item.Put?.Item);
  const reads: number[] = [];

  const { db } = tableThat((input) => {
    const values = input.ExpressionAttributeValues as Record<string, string>;
    const { ':pk': pk, ':sk1': begins = '' } = values;
    const found = items
      .filter((item) => item?.gsi1pk === pk && `${item?.name}`.startsWith(begins))
      .slice(0, Number(input.Limit ?? items.length));
    reads.push(found.length);
    return { Items: found };
  });

  const like = async (name: string) => {
    const { modules, others } = await modulesLike(db, 'acme', name);
    return { names: modules.map((one) => one.name), others };
  };
  return { like, reads };
}

it('of a small account are all modules', async () => {
  const { like } = accountWith(['apache', 'my-redis', 'nginx']);
  const { names, others } = await like('my-redsi');
  expect(names.toSorted()).toEqual(['apache', 'my-redis', 'nginx']);
  expect(others).toBe(false);
});

it('of a large account are those that begin alike, read in bounded queries', async () => {
  const many = Array.from({ length: 500 }, (_, i) => `module-${String(i).padStart(3, '0')}`);
  const { like, reads } = accountWith([...many, 'my-redis', 'nginx']);

  const { names, others } = await like('my-redsi');
  expect(names).toContain('my-redis');
  expect(others).toBe(true);
  expect(Math.max(...reads)).toBeLessThan(30);
  expect(reads.length).toBeLessThan(13);
});
