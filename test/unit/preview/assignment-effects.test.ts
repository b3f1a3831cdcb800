import { describe, expect, it } from 'vitest';
import { type ChangePreview, collectEffects } from '../../../shared/actions/preview/index.ts';
import { GantryError } from '../../../shared/base/error.ts';
import type { LostFiles } from '../../../shared/domain/compose/index.ts';
import type { Track } from '../../../shared/domain/templates/index.ts';

const lost: LostFiles = {
  module: 'acme/app',
  how: 'dropped',
  because_of: 'acme/base',
  paths: ['/etc/app'],
  count: 1,
  nothing_left: true,
  message: 'nothing of acme/app reaches machines',
};

/** The effects of a change of acme/app on two tracks. */
function effects(preview: (track: Track) => Partial<ChangePreview>) {
  return collectEffects({
    modules: ['acme/app'],
    tracks: ['live', 'staging'],
    preview: async (track) => preview(track) as ChangePreview,
  });
}

describe('the effects of a change of assignments', () => {
  it('are those on every track, each once, about the changed modules alone', async () => {
    const warnings = ['acme/app has no version for track live', 'acme/app-two is left out'];
    expect(await effects(() => ({ lost: [lost], warnings }))).toEqual({
      lost: [lost],
      warnings: ['acme/app has no version for track live'],
    });
  });

  it('are none if the change cannot be composed: its operation says why', async () => {
    const found = await effects(() => {
      throw new GantryError('composition_unsatisfied', 'expected another version');
    });
    expect(found).toEqual({ lost: [], warnings: [] });
  });

  it('are not looked for in a template that a request has no time to compose', async () => {
    const found = await effects((track) => {
      if (track === 'staging') throw new GantryError('composition_too_large', 'found too many');
      return { lost: [lost], warnings: [] };
    });

    expect(found.lost).toEqual([lost]);
    expect(found.warnings).toEqual([expect.stringMatching(/not looked for.+; preview the change/)]);
  });
});
