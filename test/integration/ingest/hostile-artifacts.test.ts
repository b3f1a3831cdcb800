import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect } from 'vitest';
import { attachBundle, mediaTypes, RegistryClient } from '../../../shared/registry/index.ts';
import { signArtifact } from '../../../shared/signature/index.ts';
import { moduleTar, offSchedule, pushLayers, sha256, walk } from '../../support/flow.ts';
import { hostileArtifacts, type Served } from '../../support/hostile/artifacts.ts';
import { proxiedFlowTest as it } from '../../support/set-up.ts';
import { directoryEntry } from '../../support/trees.ts';
import { authorKey } from '../../support/world.ts';

const key = authorKey();
const name = 'hostile';
let served: Served;

it.beforeAll(async ({ proxy }) => {
  proxy.interfere = answer;
});

/**
 * Serves the documents of a case, each by its digest and the tag's by its tag; all else is the
 * registry's to answer.
 */
function answer({ url = '', method }: IncomingMessage, response: ServerResponse): boolean {
  const [, what, reference = ''] = /\/(tags|manifests)\/([^?]*)/.exec(url) ?? [];
  if (what === 'tags') {
    response.end(JSON.stringify({ tags: ['v1.0.0'] }));
    return true;
  }

  if (what !== 'manifests' || method === 'PUT' || reference.startsWith('sha256-')) return false;

  const bytes = [sha256(served.top), 'v1.0.0'].includes(reference)
    ? served.top
    : served.manifests?.get(reference);
  if (bytes === undefined) return false;

  response.writeHead(200, {
    'content-type': served.contentType ?? mediaTypes.manifest,
    'content-length': bytes.length,
    'docker-content-digest': sha256(bytes),
  });

  response.end(method === 'HEAD' ? undefined : bytes);
  return true;
}

const manifestOf = (module: string) =>
  JSON.stringify({ schema_version: 1, name: module, file_spec: ['/**'] });
const caseName = (number: number) => `${name}-${number}`;
const cases = hostileArtifacts(Buffer.alloc(0)).map(([what, outcome], number) => ({
  what,
  outcome,
  number,
}));

it.for(cases)(
  'A signed artifact with $what: $outcome',
  async ({ outcome, number }, { registry, world, services }) => {
    const module = caseName(number);
    const tar = await moduleTar(manifestOf(module), [directoryEntry('/')]);
    const client = new RegistryClient({ host: registry.host });
    const repository = `${world.account}/${module}`;

    await pushLayers(client, repository, 'layers', [{ bytes: tar }]);
    served = hostileArtifacts(tar)[number]?.[2] as Served;

    const digest = sha256(served.top);
    const subject = {
      bytes: served.top,
      digest,
      size: served.top.length,
      mediaType: mediaTypes.manifest,
    };

    const bundle = signArtifact({ digest, key: key.private });
    await attachBundle(client, { repository, subject, bundle, createdAt: new Date() });
    await world.register(module, key);
    await offSchedule(services, world.account, module);

    const candidate = await walk(services, world.account, module, digest);
    const { state, code, message } = candidate;

    expect({ state, code }).toEqual(
      outcome === 'ingested'
        ? { state: 'ingested', code: null }
        : { state: 'rejected', code: outcome },
    );

    expect(message?.length ?? 0).toBeLessThan(10_100);
    expect(await world.version(module, digest)).toEqual(
      outcome === 'ingested' ? expect.anything() : null,
    );
  },
);
