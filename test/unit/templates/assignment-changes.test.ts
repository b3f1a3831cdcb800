import { describe, expect, it } from 'vitest';
import {
  type Assignment,
  compareAssignments,
  type WantedAssignment,
} from '../../../shared/domain/templates/index.ts';

const at = '2026-01-01T00:00:00.000Z';
const present = (module: string, more: Partial<Assignment> = {}): Assignment => ({
  account: 'acme',
  id: `asg_${module}`,
  template_id: 'tpl_1',
  module,
  constraint: null,
  metadata: {},
  effective_priority: null,
  revision: 1,
  created_at: at,
  updated_at: at,
  ...more,
});
const wanted = (module: string, more: Partial<WantedAssignment> = {}): WantedAssignment => ({
  module,
  constraint: null,
  metadata: {},
  effective_priority: null,
  ...more,
});

describe('the changes that make assignments match a list', () => {
  it('are none where they match, in any order', () => {
    const rows = [present('acme/a', { metadata: { x: 1, y: 2 } }), present('acme/b')];
    const list = [wanted('acme/b'), wanted('acme/a', { metadata: { y: 2, x: 1 } })];
    expect(compareAssignments(rows, list)).toEqual({ add: [], update: [], remove: [] });
  });

  it('add what is missing, and remove what the list lacks', () => {
    const rows = [present('acme/a'), present('acme/b')];
    expect(compareAssignments(rows, [wanted('acme/b'), wanted('acme/c')])).toEqual({
      add: [wanted('acme/c')],
      update: [],
      remove: [rows[0]],
    });
  });

  it.each<[string, Partial<Assignment>, Partial<WantedAssignment>, object]>([
    ['a constraint', {}, { constraint: '^1' }, { constraint: '^1' }],
    ['a constraint that is left out', { constraint: '^1' }, {}, { constraint: null }],
    ['a metadata key', { metadata: { a: 1 } }, { metadata: { a: 2 } }, { metadata: { a: 2 } }],
    ['metadata that is left out', { metadata: { a: 1 } }, {}, { metadata: {} }],
    ['a priority', {}, { effective_priority: 0 }, { effective_priority: 0 }],
  ])('update %s, and nothing else', (_, was, now, set) => {
    const row = present('acme/a', was);
    expect(compareAssignments([row], [wanted('acme/a', now)])).toEqual({
      add: [],
      update: [{ assignment: row, set }],
      remove: [],
    });
  });

  it('are refused for a module that the list has twice', () => {
    expect(() => compareAssignments([], [wanted('acme/a'), wanted('acme/a')])).toThrow(
      expect.objectContaining({ code: 'invalid_request', field: 'assignments' }),
    );
  });
});
