import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type Attributes,
  absent,
  atMost,
  below,
  entity,
  entry,
  fewerThan,
  type SkippedRow,
} from '../../../../shared/store/table/index.ts';
import { tableThat } from '../../../support/stub-table.ts';

interface Boat {
  harbour: string;
  id: string;
  name: string;
  crew: string[];
  owner: string | null;
  sails_at: string | null;
  depth: number;
  afloat: boolean;
  note?: string;
  revision: number;
}

const boats = entity<Boat>()({
  name: 'boat',
  attributes: {
    harbour: 'text',
    id: 'text',
    name: 'text',
    crew: 'json',
    owner: 'json',
    sails_at: 'json',
    depth: 'number',
    afloat: 'flag',
    note: 'optional',
    revision: 'number',
  },
  derived: { due_at: { kind: 'text', of: ({ sails_at }) => sails_at ?? '9999' } },
  shards: { count: 3, of: ({ id }) => id },
  key: { pk: '${harbour}#boat#${id}', sk: 'boat' },
  lists: {
    byId: { index: 'gsi1', pk: '${harbour}#boats#${shard}', sk: '${id}' },
    due: { index: 'gsi2', pk: 'due#boat#${shard}', sk: '${due_at}#${harbour}#${id}' },
  },
});

const gull: Boat = {
  harbour: 'leith',
  id: 'b1',
  name: 'Gull',
  crew: ['ann'],
  owner: null,
  sails_at: null,
  depth: 2,
  afloat: true,
  revision: 4,
};

/** The item that a write puts in the table. */
function itemOf(boat: Boat): Record<string, unknown> {
  const { item } = boats.put(boat);
  if (item.Put === undefined) throw new Error('expected a put');
  return item.Put.Item;
}

describe('what a write states', () => {
  it('creates the first revision of a row that must be absent', () => {
    const { revision: _, ...draft } = gull;
    expect(boats.create(draft).item).toMatchObject({
      Put: {
        Item: {
          pk: 'leith#boat#b1',
          sk: 'boat',
          gsi1pk: expect.stringMatching(/^leith#boats#[0-2]$/),
          gsi1sk: 'b1',
          gsi2sk: '9999#leith#b1',
          owner: null,
          revision: 1,
          schema: 1,
        },
        ConditionExpression: 'attribute_not_exists(#pk) AND attribute_not_exists(#sk)',
      },
    });
  });

  it('updates a row of the revision that was read, and counts it', () => {
    const { item } = boats.update(gull, { name: 'Tern' });
    if (item.Update === undefined) throw new Error('expected an update');

    const { ConditionExpression, ExpressionAttributeValues, UpdateExpression } = item.Update;
    expect(ConditionExpression).toContain('#revision = :revision0');

    expect(ExpressionAttributeValues).toMatchObject({
      ':revision0': 4,
      ':revision_u0': 5,
      ':name_u0': 'Tern',
      ':schema_u0': 1,
    });

    expect(UpdateExpression).not.toContain('#crew');
  });

  it('writes the keys of lists that a change moves a row in', () => {
    const { item } = boats.update(gull, { sails_at: '2030-01-01' });
    if (item.Update === undefined) throw new Error('expected an update');

    expect(item.Update.ExpressionAttributeValues).toMatchObject({
      ':due_at_u0': '2030-01-01',
      ':gsi2sk_u0': '2030-01-01#leith#b1',
    });
  });

  it('replaces a whole row, or creates it if revision 0 says that it did not exist', () => {
    expect(boats.replace(gull).item).toMatchObject({
      Put: {
        Item: { revision: 5 },
        ConditionExpression: '#revision = :revision0',
        ExpressionAttributeValues: { ':revision0': 4 },
      },
    });
    expect(boats.replace({ ...gull, revision: 0 }).item).toMatchObject({
      Put: { Item: { revision: 1 }, ConditionExpression: 'attribute_not_exists(#revision)' },
    });
  });

  it('removes a row of the revision that was read', () => {
    expect(boats.remove(gull).item).toMatchObject({
      Delete: {
        Key: { pk: 'leith#boat#b1', sk: 'boat' },
        ConditionExpression: '#revision = :revision0',
      },
    });
  });

  it('states an invariant in place of the revision, and still counts it', () => {
    const { item } = boats.updateWhere(gull, { owner: null, afloat: true }, { owner: 'ann' });
    if (item.Update === undefined) throw new Error('expected an update');

    expect(item.Update.ConditionExpression).toContain('#owner = :owner0 AND #afloat = :afloat0');
    expect(item.Update.ConditionExpression).not.toContain('#revision');
    expect(item.Update.UpdateExpression).toContain('ADD #revision');
  });

  it('holds a row to a condition without writing it', () => {
    expect(boats.hold(gull, { revision: 4 }).item).toEqual({
      ConditionCheck: {
        TableName: 'table',
        Key: { pk: 'leith#boat#b1', sk: 'boat' },
        ConditionExpression: '#revision = :revision0',
        ExpressionAttributeNames: { '#revision': 'revision' },
        ExpressionAttributeValues: { ':revision0': 4 },
      },
    });
  });

  it.each<[string, object]>([
    ['an empty list', []],
    ['a list with an empty term', [{ owner: null }, {}]],
    ['a field that is undefined', { owner: undefined }],
  ])('refuses %s as a condition: it would hold always, or never', (_, condition) => {
    const refusal = expect.objectContaining({ code: 'internal' });
    expect(() => boats.put(gull, condition)).toThrow(refusal);
    expect(() => boats.updateWhere(gull, condition, { owner: 'ann' })).toThrow(refusal);
    expect(() => boats.hold(gull, condition)).toThrow(refusal);
  });

  it('holds a row to a condition only', () => {
    expect(() => boats.hold(gull, {})).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('takes one of several terms, each with tests', () => {
    const condition = [
      { id: absent },
      { owner: null, sails_at: below('2030') },
      { depth: atMost(3) },
    ] as const;
    expect(boats.put(gull, condition).item).toMatchObject({
      Put: {
        ConditionExpression:
          '((attribute_not_exists(#id)) OR (#owner = :owner0 AND #sails_at < :sails_at0) OR (#depth <= :depth0))',
        ExpressionAttributeValues: { ':owner0': null, ':sails_at0': '2030', ':depth0': 3 },
      },
    });
  });

  it('adds to numbers and changes entries of a map in one update', () => {
    const { item } = boats.adjust(
      gull,
      { add: { depth: -1 }, putEntries: { crew: { bob: 3 } }, dropEntries: { crew: ['ann'] } },
      { crew: fewerThan(9) },
    );

    const other = boats.adjust(gull, { set: { depth: 1 } }, { crew: entry('ann') });
    if (item.Update === undefined || other.item.Update === undefined)
      throw new Error('expected updates');

    expect(item.Update.UpdateExpression).toMatch(
      /SET #crew\.#bob = .* REMOVE #crew\.#ann ADD #depth/,
    );
    expect(item.Update.ConditionExpression).toContain('size(#crew) < ');
    expect(other.item.Update.ConditionExpression).toContain('attribute_exists(#crew.#ann)');
  });
});

describe('a row that is read', () => {
  const read = (item: Record<string, unknown>) =>
    boats.get(tableThat(() => ({ Item: item })).db, gull);

  it('is the noun and nothing that only the table needs', async () => {
    expect(await read(itemOf(gull))).toEqual(gull);
    expect(await read(itemOf({ ...gull, note: 'leaks' }))).toEqual({ ...gull, note: 'leaks' });
  });

  it('is read strongly consistent, by its key', async () => {
    const { db, inputs } = tableThat(() => ({}));
    expect(await boats.get(db, { harbour: 'leith', id: 'b2' })).toBeNull();
    expect(inputs).toEqual([
      { TableName: 'boats', Key: { pk: 'leith#boat#b2', sk: 'boat' }, ConsistentRead: true },
    ]);
  });

  it.each([[2], [0], [undefined], ['1']])('of schema %s is refused by its code', async (schema) => {
    await expect(read({ ...itemOf(gull), schema })).rejects.toMatchObject({
      code: 'schema_unknown',
    });
  });

  it('that lacks a field, or has one of another type, is refused', async () => {
    const { crew: _, ...lacking } = itemOf(gull);
    await expect(read(lacking)).rejects.toThrow('expected a boat with crew');
    await expect(read({ ...itemOf(gull), depth: '2' })).rejects.toThrow(
      'expected a boat with depth',
    );
  });
});

describe('a row that cannot be read, in a platform-wide list', () => {
  const newer = { ...itemOf({ ...gull, id: 'b2' }), schema: 2 };
  const damaged = { ...itemOf({ ...gull, id: 'b3' }), depth: '2' };
  /** One shard has rows: two that cannot be read come before one that can. */
  const tableOf = (skipped?: (row: SkippedRow) => void) => {
    const pages = [[newer], [damaged], [itemOf(gull)]];
    const { db } = tableThat(({ ExpressionAttributeValues, ExclusiveStartKey }) => {
      if (!JSON.stringify(ExpressionAttributeValues).includes('boat#0')) return { Items: [] };
      const at = Number((ExclusiveStartKey as { at: string } | undefined)?.at ?? 0);
      return { Items: pages[at], ...(at < 2 ? { LastEvaluatedKey: { at: String(at + 1) } } : {}) };
    });
    return skipped === undefined ? db : { ...db, skipped };
  };
  const due = { upTo: '9999', limit: 3 };

  it('is reported and left out, and takes no place of another', async () => {
    const skipped: SkippedRow[] = [];
    expect(
      await boats.due(
        tableOf((row) => skipped.push(row)),
        'due',
        {},
        due,
      ),
    ).toEqual([gull]);
    expect(skipped).toMatchObject([
      { name: 'boat', pk: 'leith#boat#b2', sk: 'boat', error: { code: 'schema_unknown' } },
      { name: 'boat', pk: 'leith#boat#b3', sk: 'boat', error: { code: 'internal' } },
    ]);

    const each = boats.eachReadable(
      tableOf(() => {}),
      'due',
      {},
    );
    expect(await Array.fromAsync(each)).toEqual([gull]);
  });

  it('fails the read where nobody would notice it', async () => {
    await expect(boats.due(tableOf(), 'due', {}, due)).rejects.toMatchObject({
      code: 'schema_unknown',
    });
  });
});

describe('a row of an older schema', () => {
  interface Raft {
    id: string;
    logs: number;
    revision: number;
  }

  const attributes = { id: 'text', logs: 'number', revision: 'number' } as const;
  const key = { pk: 'raft#${id}', sk: 'raft' };

  const rafts = entity<Raft>()({
    name: 'raft',
    attributes,
    key,
    upgrades: [
      ({ planks, ...row }) => ({ ...row, beams: planks }),
      ({ beams, ...row }) => ({ ...row, logs: Number(beams) / 2 }),
    ],
  });

  const item = { pk: 'raft#r', sk: 'raft', id: 'r', revision: 1 };

  it('is upgraded step by step as it is read', async () => {
    const first = tableThat(() => ({ Item: { ...item, planks: 8, schema: 1 } }));
    const second = tableThat(() => ({ Item: { ...item, beams: 8, schema: 2 } }));
    const newest = tableThat(() => ({ Item: { ...item, logs: 4, schema: 3 } }));

    for (const { db } of [first, second, newest]) {
      expect(await rafts.get(db, { id: 'r' })).toEqual({ id: 'r', logs: 4, revision: 1 });
    }
  });

  it('is read whole where only some fields are asked for', async () => {
    const { db, inputs } = tableThat(() => ({ Items: [{ ...item, planks: 8, schema: 1 }] }));
    const rows = rafts.eachOf(db, 'primary', { id: 'r' }, ['logs']);
    expect(await Array.fromAsync(rows)).toEqual([{ logs: 4 }]);
    expect(inputs[0]).not.toHaveProperty('ProjectionExpression');
  });

  it('is written whole in the newest schema by its next change', () => {
    const { item } = rafts.update({ id: 'r', logs: 4, revision: 1 }, {});
    if (item.Update === undefined) throw new Error('expected an update');
    expect(item.Update.ExpressionAttributeValues).toMatchObject({ ':logs_u0': 4, ':schema_u0': 3 });
  });

  it('is never changed field by field, which its upgrade or a whole write would undo', () => {
    expectTypeOf(boats).toHaveProperty('adjust');
    expectTypeOf(boats).toHaveProperty('updateWhere');
    expectTypeOf(rafts).toHaveProperty('update');
    expectTypeOf(rafts).not.toHaveProperty('adjust');
    expectTypeOf(rafts).not.toHaveProperty('updateWhere');
  });
});

describe('a list', () => {
  const fleet = Array.from({ length: 7 }, (_, i) => ({ ...gull, id: `b${i}` }));

  /**
   * A table that gives each shard's rows two at a time, in the order and from the place that is
   * asked for.
   */
  function fleetTable() {
    return tableThat(({ ExpressionAttributeValues, ExclusiveStartKey, ...input }) => {
      const { ':pk': pk, ':sk1': place } = { ...(ExpressionAttributeValues as object) } as Record<
        string,
        string
      >;
      const forward = input.ScanIndexForward !== false;

      const rows = fleet
        .map(itemOf)
        .filter(({ gsi1pk }) => gsi1pk === pk)
        .filter(({ id }) => place === undefined || (forward ? `${id}` > place : `${id}` < place))
        .sort((a, b) => (`${a.id}` < `${b.id}` === forward ? -1 : 1));

      const start = Number((ExclusiveStartKey as { at?: number } | undefined)?.at ?? 0);
      const end = start + Math.min(2, Number(input.Limit ?? 2));
      return {
        Items: rows.slice(start, end),
        ...(end < rows.length ? { LastEvaluatedKey: { at: end } } : {}),
      };
    });
  }

  const ids = (rows: { id: string }[]) => rows.map(({ id }) => id);

  it('comes in pages that the cursors join without a gap, merged from its shards', async () => {
    const { db } = fleetTable();
    const first = await boats.list(db, 'byId', gull, { limit: 4 });

    expect(ids(first.rows)).toEqual(['b0', 'b1', 'b2', 'b3']);
    expect(first.cursor).toBe('b3');

    const { cursor: after } = first;
    if (after === null) throw new Error('expected a cursor');

    const rest = await boats.list(db, 'byId', gull, { limit: 4, after });
    expect(ids(rest.rows)).toEqual(['b4', 'b5', 'b6']);
    expect(rest.cursor).toBeNull();
  });

  it('comes newest first', async () => {
    const { db } = fleetTable();
    const page = await boats.list(db, 'byId', gull, { limit: 3, newestFirst: true });

    expect(ids(page.rows)).toEqual(['b6', 'b5', 'b4']);
    const next = await boats.list(db, 'byId', gull, { limit: 9, newestFirst: true, after: 'b4' });

    expect(ids(next.rows)).toEqual(['b3', 'b2', 'b1', 'b0']);
  });

  it('has no cursor where the page holds the last row', async () => {
    const { db } = fleetTable();
    expect((await boats.list(db, 'byId', gull, { limit: 7 })).cursor).toBeNull();
    expect((await boats.list(db, 'byId', gull, { limit: 6 })).cursor).toBe('b5');
  });

  it('is read to its end however many pages each shard has', async () => {
    const { db } = fleetTable();
    const each = await Array.fromAsync(boats.each(db, 'byId', gull));

    expect(ids(each).sort()).toEqual(ids(fleet));
    expect(ids(await boats.all(db, 'byId', gull)).sort()).toEqual(ids(fleet));

    const names = await Array.fromAsync(boats.eachOf(db, 'byId', gull, ['id', 'name']));
    expect(names).toHaveLength(7);
    expect(names[0]).toEqual({ id: expect.any(String), name: 'Gull' });
  });

  it('of due work is read up to a time, a share from each shard', async () => {
    const { db, inputs } = tableThat(() => ({ Items: [] }));
    expect(await boats.due(db, 'due', {}, { upTo: '2030', limit: 6 })).toEqual([]);
    expect(inputs.map(({ Limit }) => Limit)).toEqual([2, 2, 2]);

    expect(inputs[0]).toMatchObject({
      IndexName: 'gsi2',
      KeyConditionExpression: '#pk = :pk and #sk1 <= :sk1',
      ExpressionAttributeValues: { ':pk': 'due#boat#0', ':sk1': '2030' },
    });
  });
});

it('is typed by its noun: attributes by its fields, keys and lists by their templates', () => {
  expectTypeOf<Attributes<{ id: string; size: number; note?: string }>>().toEqualTypeOf<{
    readonly id: 'text';
    readonly size: 'number';
    readonly note: 'optional';
  }>();

  expectTypeOf(boats.get).parameter(1).toEqualTypeOf<Pick<Boat, 'harbour' | 'id'>>();
  expectTypeOf(boats.list<'byId'>)
    .parameter(2)
    .toExtend<{ harbour: string }>();
  expectTypeOf(boats.get).returns.resolves.toEqualTypeOf<Boat | null>();
});
