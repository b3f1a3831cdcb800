import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { bundleOptions } from '../../infra/bundle.ts';

/** By what a program opens connections, or has another do it. */
const connecting = /^(?:node:)?(?:http|https|http2|net|tls|dgram|dns|dns\/promises|child_process)$/;

/**
 * Everything in the functions' bundles that imports one of these, and what for. Requests to hosts
 * that people name go through transport.ts, whose connections guard.ts makes; packages of AWS talk
 * to AWS and to the runtime.
 */
const known: Record<string, string> = {
  'shared/registry/guard.ts': 'judges addresses and makes the connections',
  'shared/registry/transport.ts': 'sends requests over those connections',
  'shared/domain/registries/address.ts': 'the types of addresses',
  'functions/api/problem.ts': 'the names of statuses',
  'shared/units/confine.ts': 'the types of addresses',
};
const ofAws = /^(?:@smithy|@aws-sdk|@aws-lambda-powertools|aws-xray-sdk-core)\//;

test('no function can open a connection past the guard, but to AWS', async () => {
  const { metafile } = await build({
    ...bundleOptions,
    write: false,
    metafile: true,
    sourcemap: false,
    // What imports what does not depend on these. Split, what functions share is written once.
    minify: false,
    splitting: true,
  });

  const importers = Object.entries(metafile.inputs)
    .filter(([, { imports }]) =>
      imports.some(
        ({ path, external }) =>
          (external && connecting.test(path)) || path.endsWith('/undici/index.js'),
      ),
    )
    // Packages by their name, wherever they lie.
    .map(([file]) => file.replace(/^.*node_modules\//, ''))
    .filter((file) => !file.startsWith('undici/'));

  expect(importers.filter((file) => !ofAws.test(file)).sort()).toEqual(Object.keys(known).sort());
});
