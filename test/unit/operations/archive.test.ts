import { describe, expect, it } from 'vitest';
import { changeWrites, kindOf } from '../../../shared/actions/operations/index.ts';
import type { Change } from '../../../shared/domain/operations/index.ts';
import { unpolledRepository } from '../../../shared/domain/poll/index.ts';
import { storedModule } from '../../support/stored.ts';
import { addition, at, operation, registration, template } from './change-factory.ts';

const module = storedModule('acme', 'redis');
const repository = { ...unpolledRepository(module, at), revision: 4 };

function itemsOf(change: Change, rows: object) {
  const writes = changeWrites({ operation, approvals: [], at }, [{ change, rows }]);
  return writes.map(({ item }) => item);
}

/** By how much the writes change the number of the account's polled modules. */
function countsOf(items: ReturnType<typeof itemsOf>): unknown[] {
  return items.flatMap(({ Update }) => {
    const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } =
      Update ?? {};
    if (!Object.values(names).includes('polled_modules')) return [];
    return Object.entries(values)
      .filter(([name]) => /polled_modules/.test(name))
      .map(([, value]) => value)
      .filter((value) => Math.abs(Number(value)) === 1);
  });
}

describe('a module that is archived', () => {
  const archived = { ...module, archived: true };
  const archive = registration({ archived: true });
  const unarchive = registration({ archived: false });

  it('is in use while a template has it', () => {
    const rows = { module, repository, users: ['web'] };
    expect(() => kindOf(archive).check(archive, rows)).toThrow(
      expect.objectContaining({ code: 'in_use', found: ['web'] }),
    );
  });

  it('is not assigned', () => {
    const change = addition('asg_2');
    const rows = { template, owner: null, archived: true };
    expect(() => kindOf(change).check(change, rows)).toThrow(
      expect.objectContaining({ code: 'module_archived' }),
    );
  });

  it('is not polled, and is again once it is unarchived', () => {
    const ended = itemsOf(archive, { module, repository, users: [] });
    expect(ended.filter(({ Delete }) => Delete)).toHaveLength(1);

    const begun = itemsOf(unarchive, { module: archived, repository: null, users: [] });
    const rows = begun.flatMap(({ Put }) => (Put === undefined ? [] : [Put.Item]));
    expect(rows).toContainEqual(
      expect.objectContaining({ __edb_e__: 'repository', next_poll_at: at }),
    );
    expect([countsOf(ended), countsOf(begun)]).toEqual([[-1], [1]]);
  });

  it('is archived once: a second time changes no repository', () => {
    const again = itemsOf(archive, { module: archived, repository: null, users: [] });
    expect(again.filter(({ Delete }) => Delete)).toEqual([]);
    expect(countsOf(again)).toEqual([]);
  });
});
