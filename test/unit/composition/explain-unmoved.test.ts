import { expect, it } from 'vitest';
import { explainUnmoved } from '../../../shared/composition/index.ts';
import type { ResolutionRecord } from '../../../shared/domain/compose/index.ts';

const resolution: ResolutionRecord = {
  assigned: [{ module: 'acme/web', constraint: null }],
  modules: {
    'acme/tls': {
      version_id: 'ver_1',
      version: '1.0.0',
      assigned: false,
      required_by: ['acme/api', 'acme/web'],
      chains: [['acme/web 1.2.0', 'acme/tls@^1.0']],
    },
  },
  capabilities: {},
  considered: {},
  settled: true,
};

it('a removed module that stays names the module that requires it', () => {
  expect(explainUnmoved({ module: 'acme/tls', to: null }, 'live', resolution)).toBe(
    'acme/tls stays at 1.0.0, required by acme/api and acme/web',
  );
  expect(explainUnmoved({ module: 'acme/gone', to: null }, 'live', resolution)).toBeNull();
});

it('a version that a template does not take names the track and the demands that hold the other one', () => {
  expect(
    explainUnmoved({ module: 'acme/tls', to: { version_id: 'ver_2' } }, 'live', resolution),
  ).toBe(
    'acme/tls stays at 1.0.0, which is what track live hands out for acme/web 1.2.0 → acme/tls@^1.0',
  );

  expect(
    explainUnmoved({ module: 'acme/tls', to: { version_id: 'ver_1' } }, 'live', resolution),
  ).toBeNull();
  expect(explainUnmoved({ module: 'acme/other', to: { version_id: 'ver_2' } }, 'live', null)).toBe(
    'acme/other is no part of the template on track live',
  );
});
