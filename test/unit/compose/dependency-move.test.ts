import { describe, expect, it } from 'vitest';
import {
  type DependencyMove,
  findMoves,
  groupMoves,
  isStillDue,
  moveText,
  type ResolutionRecord,
  type TrialFindings,
  withMoves,
} from '../../../shared/domain/compose/index.ts';

const resolution = (versions: Record<string, string>): Pick<ResolutionRecord, 'modules'> => ({
  modules: Object.fromEntries(
    Object.entries(versions).map(([module, version_id]) => [
      module,
      { version_id, version: '1.0.0', assigned: true, required_by: [], chains: [] },
    ]),
  ),
});
const move = (
  version_id: string,
  from_version_id: string | null = null,
  module = 'other/a',
): DependencyMove => ({ module, from_version_id, version_id, approved_by: null });

describe('the moves of a composition', () => {
  const find = (versions: Record<string, string>, pins: Record<string, string>) =>
    findMoves(
      'acme',
      { pins: new Map(Object.entries(pins)), approved: new Map() },
      resolution(versions),
    );

  it('are none where every module of others has the version that was let through', () => {
    expect(find({ 'acme/own': 'v9', 'other/a': 'v1' }, { 'other/a': 'v1' })).toEqual([]);
  });

  it('are a first version, another version, older or newer, and a module that others require', () => {
    expect(find({ 'other/a': 'v2', 'other/b': 'v1' }, { 'other/a': 'v1' })).toEqual([
      move('v2', 'v1'),
      move('v1', null, 'other/b'),
    ]);
  });

  it('do not count a module that leaves', () => {
    expect(find({}, { 'other/a': 'v1' })).toEqual([]);
  });

  it('do not take an account for another whose name begins like it', () => {
    expect(find({ 'acme-2/a': 'v1' }, {})).toEqual([move('v1', null, 'acme-2/a')]);
  });
});

describe('the pins of an operation that reviewers were asked about', () => {
  const pins = (now: Record<string, string>, moves: DependencyMove[]) =>
    Object.fromEntries(withMoves(new Map(Object.entries(now)), moves));

  it('are the versions that they were shown', () => {
    expect(pins({ 'other/a': 'v1' }, [move('v2', 'v1'), move('v1', null, 'other/b')])).toEqual({
      'other/a': 'v2',
      'other/b': 'v1',
    });
  });

  it('stay where another operation moved the module meanwhile', () => {
    expect(pins({ 'other/a': 'v3' }, [move('v2', 'v1')])).toEqual({ 'other/a': 'v3' });
    expect(pins({ 'other/a': 'v3' }, [move('v2')])).toEqual({ 'other/a': 'v3' });
    expect(pins({}, [move('v2', 'v1')])).toEqual({});
  });
});

describe('a move of an operation that is applied', () => {
  const found = (approved_by: string | null): DependencyMove => ({ ...move('v2'), approved_by });
  const due = (one: DependencyMove, approved_by: string | null) =>
    isStillDue(one, { approved_by }, 'op_1');

  it('names the operation that let a version through before', () => {
    const approved = new Map([['other/a', { version_id: 'v1', operation_id: 'op_0' }]]);
    const pins = new Map([['other/a', 'v1']]);
    const moves = findMoves('acme', { pins, approved }, resolution({ 'other/a': 'v2' }));
    expect(moves).toEqual([{ ...move('v2', 'v1'), approved_by: 'op_0' }]);
  });

  it('is due until a later operation let another version through', () => {
    expect(due(found(null), null)).toBe(true);
    expect(due(found('op_0'), 'op_0')).toBe(true);
    // The operation's own update of the module, in the same transaction.
    expect(due(found(''), 'op_1')).toBe(true);
    expect(due(found(null), 'op_2')).toBe(false);
    expect(due(found('op_0'), 'op_2')).toBe(false);
  });
});

describe('the moves of several templates', () => {
  const trial = (template_id: string, ...moves: DependencyMove[]): TrialFindings => ({
    account: 'acme',
    operation_id: 'op_1',
    template_id,
    track: 'live',
    moves,
  });

  it('are named once, with their places', () => {
    const groups = groupMoves([
      trial('tpl_1', move('v2', 'v1'), move('v1', null, 'other/0')),
      trial('tpl_2', move('v2', 'v1')),
      trial('tpl_3', move('v2')),
      trial('tpl_4'),
    ]);
    const found = groups.map(({ module, from_version_id, places }) => [
      module,
      from_version_id,
      places.map(({ template_id }) => template_id),
    ]);

    expect(found).toEqual([
      ['other/0', null, ['tpl_1']],
      ['other/a', 'v1', ['tpl_1', 'tpl_2']],
      ['other/a', null, ['tpl_3']],
    ]);
  });

  it('are named with their version in a preview', () => {
    const text = (from: string | null) =>
      moveText(move('v2', from), resolution({ 'other/a': 'v2' }));
    expect(text(null)).toMatch(/^brings other\/a 1\.0\.0 of another account/);
    expect(text('v1')).toMatch(/^moves to other\/a 1\.0\.0/);
  });
});
