import { afterAll, beforeAll, expect, it } from 'vitest';
import { moduleView } from '../../../../functions/api/views.ts';
import { runGantry } from '../../../support/gantry.ts';
import { type HttpServer, sendJson, startHttpServer } from '../../../support/http-server.ts';
import { storedModule } from '../../../support/stored.ts';

const sbom = { predicate_type: 'https://cyclonedx.org/bom' };
const provenance = { predicate_type: 'https://slsa.dev/provenance/v1', builder_regexp: '^b$' };
const anyProvenance = { predicate_type: 'https://slsa.dev/provenance' };
let server: HttpServer;
/** What the module requires. */
let required: object[] = [];
/** The body of the last request. */
let sent: Record<string, unknown> = {};

beforeAll(async () => {
  server = await startHttpServer(async (request, response) => {
    if (request.method === 'POST') {
      sent = JSON.parse(Buffer.concat(await request.toArray()).toString());
      const preview = { action: 'module_change', loosens_trust: false, losses: [], not_judged: 0 };
      return sendJson(response, preview);
    }
    const module = {
      ...moduleView(storedModule('acme', 'redis')),
      required_attestations: required,
    };
    return sendJson(response, {
      module,
      poll: null,
      moved_tags: [],
      unreadable_tags: [],
      warnings: [],
    });
  });
});
afterAll(() => server.stop());

it.each([
  ['goes onto the provenance that is required', [sbom, provenance], [], [sbom, provenance]],
  ['requires provenance beside the rest', [sbom], [], [sbom, anyProvenance]],
  [
    'belongs to the list that is given',
    [provenance],
    ['--require-attestation', sbom.predicate_type],
    [sbom, anyProvenance],
  ],
])('the source of gantry module update %s', async (_, before, flags, [first, second]) => {
  required = before;
  const line = ['module', 'update', 'redis', '--require-source', '^s$', ...flags, '--dry-run'];
  const { code, stderr } = await runGantry(line, {
    env: { GANTRY_URL: `http://${server.host}`, GANTRY_TOKEN: 'x' },
  });

  expect(stderr).toBe('');
  expect(code).toBe(0);
  // What was read is replaced only while it is the same.
  const isKept = flags.length === 0;
  expect(sent.policy_version).toBe(
    isKept ? storedModule('acme', 'redis').policy_version : undefined,
  );
  expect(sent.required_attestations).toEqual([first, { ...second, source_regexp: '^s$' }]);
});
