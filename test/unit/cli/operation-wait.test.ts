import { afterEach, describe, expect, it } from 'vitest';
import { runGantry } from '../../support/gantry.ts';
import { type HttpServer, sendJson, startHttpServer } from '../../support/http-server.ts';

let server: HttpServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const at = '2026-01-02T03:04:05.000Z';
const requested = { actions: ['module_rollback'], summary: 'roll redis 1.1.0 back to 1.0.0' };
const by = { requested_by: 'token:tok_1', requested_by_person: 'deployment' };

const operation = {
  id: 'op_01J9Z6W5T1K5R0Q2V9M3N8P7XA',
  ...requested,
  ...by,
  changes: [],
  state: 'rejected',
  approval_id: 'apr_01J9Z6W5T1K5R0Q2V9M3N8P7XA',
  attempt: 1,
  code: null,
  message: 'see incident 17',
  created_at: at,
  updated_at: at,
};

const approval = {
  id: operation.approval_id,
  operation_id: operation.id,
  ...requested,
  ...by,
  requester: 'ci',
  state: 'rejected',
  quorum: 1,
  self_approval: false,
  reviewer_groups: [],
  decisions: [],
  approvals: 0,
  waits_for: null,
  expires_at: at,
  created_at: at,
  updated_at: at,
};

const review = {
  requester: 'ci',
  warnings: [],
  votes: { approvals: 0, quorum: 1 },
  changes: [],
  templates: [],
  more_templates: 0,
  machines: 0,
  confirmation: '1.0.0',
};

describe('operation wait', () => {
  it.each([
    [operation.id, 1],
    [approval.id, 2],
  ])('takes %s', async (id, requests) => {
    server = await startHttpServer((request, response) =>
      sendJson(
        response,
        request.url?.includes('/approvals/') ? { approval, review } : { operation },
      ),
    );
    const env = { GANTRY_URL: `http://${server.host}`, GANTRY_TOKEN: 't' };
    const { code, stdout, stderr } = await runGantry(['operation', 'wait', id], { env });

    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toContain('rejected: roll redis 1.1.0 back to 1.0.0');
    expect(server.requests.map(({ url }) => url)).toHaveLength(requests);
    expect(server.requests.at(-1)?.url).toBe(`/api/v1/operations/${operation.id}`);
  });
});
