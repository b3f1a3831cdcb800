import { describe, expect, it } from 'vitest';
import {
  type DependencyMove,
  findMoves,
  groupMoves,
  moveText,
  type ResolutionRecord,
  type TrialMoves,
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
): DependencyMove => ({ module, from_version_id, version_id });

describe('the moves of a composition', () => {
  const find = (versions: Record<string, string>, pins: Record<string, string>) =>
    findMoves('acme', new Map(Object.entries(pins)), resolution(versions));

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

describe('the moves of several templates', () => {
  const trial = (template_id: string, ...moves: DependencyMove[]): TrialMoves => ({
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
