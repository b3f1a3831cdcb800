import { describe, expect, it } from 'vitest';
import { layerPriority } from '../../../shared/composition/index.ts';

const none = { parentPriority: null, effectivePriority: null };

describe('layerPriority', () => {
  it('adds the offset of the variety to the position of the category', () => {
    expect(layerPriority({ categoryPosition: 90, variety: 'subscription', ...none })).toBe(90);
    expect(layerPriority({ categoryPosition: 90, variety: 'config', ...none })).toBe(92);
    expect(layerPriority({ categoryPosition: 90, variety: 'instance', ...none })).toBe(94);
  });

  it('starts a config layer from the higher of its own position and its parent', () => {
    const rank = { variety: 'config', effectivePriority: null } as const;
    expect(layerPriority({ ...rank, categoryPosition: 10, parentPriority: 90 })).toBe(92);
    expect(layerPriority({ ...rank, categoryPosition: 90, parentPriority: 10 })).toBe(92);
    expect(layerPriority({ ...rank, categoryPosition: 10, parentPriority: 95 })).toBe(97);
  });

  it('of a config layer without a parent starts from its own position, below zero too', () => {
    const rank = { variety: 'config', effectivePriority: null, parentPriority: null } as const;
    expect(layerPriority({ ...rank, categoryPosition: -10 })).toBe(-8);
  });

  it('asks the parent of config layers only', () => {
    const rank = { categoryPosition: 10, parentPriority: 90, effectivePriority: null };
    expect(layerPriority({ ...rank, variety: 'subscription' })).toBe(10);
    expect(layerPriority({ ...rank, variety: 'instance' })).toBe(14);
  });

  it('gives way to the effective priority of the assignment', () => {
    const rank = { categoryPosition: 90, variety: 'config', parentPriority: 90 } as const;
    expect(layerPriority({ ...rank, effectivePriority: 5 })).toBe(5);
    expect(layerPriority({ ...rank, effectivePriority: 0 })).toBe(0);
  });
});
