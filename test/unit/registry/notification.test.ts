import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hookKinds } from '../../../shared/domain/registries/index.ts';
import { isAuthentic, pushedRepositories } from '../../../shared/registry/notification.ts';
import { hookPayloads } from '../../support/hook-payloads.ts';
import { codeOf } from '../../support/http-server.ts';

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const headersOf = (headers: Record<string, string>) => (name: string) => headers[name];

describe('what was pushed', () => {
  test.each([
    ['distribution', hookPayloads.distribution('team/my-redis'), ['r.test/team/my-redis']],
    ['harbor', hookPayloads.harbor('team/my-redis'), ['r.test/team/my-redis']],
    ['harbor', hookPayloads.harborCloudEvent('team/my-redis'), ['r.test/team/my-redis']],
    ['gitea', hookPayloads.gitea('Team/my-redis'), ['r.test/team/my-redis']],
    [
      'gitea',
      hookPayloads.powernodeWorkflow('r.test/Team/my-redis:v1.0.0'),
      ['r.test/team/my-redis'],
    ],
    ['github', hookPayloads.github('Team/my-redis'), ['r.test/team/my-redis']],
    ['github', hookPayloads.githubRegistryPackage('Team/my-redis'), ['r.test/team/my-redis']],
  ] as const)('%s tells in its own words', (kind, body, expected) => {
    expect(pushedRepositories(kind, 'r.test', bytes(body))).toEqual(expected);
  });

  test.each([
    [
      'distribution',
      {
        events: [
          { action: 'pull', target: { repository: 'a/b' } },
          { action: 'delete', target: {} },
        ],
      },
    ],
    ['harbor', { type: 'SCANNING_COMPLETED', event_data: { scan: {} } }],
    ['harbor', { type: 'DELETE_ARTIFACT', event_data: {} }],
    [
      'gitea',
      { action: 'deleted', package: { type: 'container', name: 'a', owner: { login: 'b' } } },
    ],
    ['gitea', { action: 'created', package: { type: 'npm', name: 'a', owner: { login: 'b' } } }],
    ['gitea', { ref: 'refs/heads/main', commits: [], repository: { name: 'a' } }],
    ['gitea', { action: 'created' }],
    ['gitea', hookPayloads.powernodeWorkflow('')],
    ['gitea', hookPayloads.powernodeWorkflow('other.test/team/my-redis:v1.0.0')],
    ['gitea', hookPayloads.powernodeWorkflow('r.test/../my-redis:v1.0.0')],
    ['github', { zen: 'Design for failure.', hook_id: 1 }],
    ['github', { action: 'published' }],
    [
      'github',
      {
        action: 'deleted',
        package: { package_type: 'container', name: 'a', owner: { login: 'b' } },
      },
    ],
    ['distribution', { events: [{ action: 'push' }] }],
    [
      'github',
      { action: 'published', package: { package_type: 'npm', name: 'a', owner: { login: 'b' } } },
    ],
  ] as const)('%s: events of another kind tell nothing', (kind, body) => {
    expect(pushedRepositories(kind, 'r.test', bytes(body))).toEqual([]);
  });

  test('names each repository once, and no impossible one', () => {
    const events = ['a/b', 'a/b', '../x', 'a/b:tag', 'a/b@sha256:1', 'a b', '/'].map(
      (repository) => ({
        action: 'push',
        target: { repository },
      }),
    );
    expect(pushedRepositories('distribution', 'r.test', bytes({ events }))).toEqual(['r.test/a/b']);
  });

  test('the SBOM that Powernode’s workflow sends is refused with the way that it takes', () => {
    const sbom = { module_id: 'my-redis', tag: 'v1.0.0', architecture: 'amd64', sbom: {} };
    expect(() => pushedRepositories('gitea', 'r.test', bytes(sbom))).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringMatching(/found an SBOM; .* as a layer beside the module/),
      }),
    );
  });

  test.each(hookKinds)('%s: a value of another form is refused', async (kind) => {
    for (const body of ['', '{', '7', '[]', '{"events":7,"type":7,"action":7}', '\xff']) {
      const read = async () => pushedRepositories(kind, 'r.test', Buffer.from(body, 'latin1'));
      expect(await codeOf(read())).toBe('invalid_request');
    }
  });
});

describe('the sender', () => {
  const body = bytes({ any: 'thing' });
  const mac = createHmac('sha256', 's3cret').update(body).digest('hex');

  test.each([
    ['distribution', { authorization: 'Bearer s3cret' }],
    ['distribution', { authorization: 'bearer   s3cret' }],
    ['distribution', { authorization: 's3cret' }],
    ['harbor', { authorization: 's3cret' }],
    ['gitea', { 'x-gitea-signature': mac }],
    ['gitea', { 'x-gitea-signature': `sha256=${mac}` }],
    ['gitea', { 'x-hub-signature-256': mac }],
    ['gitea', { 'x-hub-signature-256': `sha256=${mac}` }],
    ['github', { 'x-hub-signature-256': `sha256=${mac}` }],
  ] as const)('%s is believed with the secret in %j', (kind, headers) => {
    expect(isAuthentic(kind, headersOf(headers), body, 's3cret')).toBe(true);
    expect(isAuthentic(kind, headersOf(headers), body, 'another')).toBe(false);
  });

  test.each(hookKinds)(
    '%s without proof, with half of it, or with that of another product is not',
    (kind) => {
      const sha1 = createHmac('sha1', 's3cret').update(body).digest('hex');
      for (const headers of [
        {},
        { authorization: '' },
        { authorization: 'Bearer ' },
        { 'x-gitea-signature': '', 'x-hub-signature-256': 'sha256=' },
        {
          authorization: 'Bearer s3cre',
          'x-gitea-signature': mac.slice(1),
          'x-hub-signature-256': mac.slice(0, -1),
        },
        {
          'x-hub-signature': `sha1=${sha1}`,
          'x-hub-signature-256': `sha1=${sha1}`,
          'x-gitea-signature': sha1,
        },
        kind === 'github' || kind === 'gitea'
          ? { authorization: 'Bearer s3cret' }
          : { 'x-gitea-signature': mac, 'x-hub-signature-256': `sha256=${mac}` },
      ]) {
        expect(isAuthentic(kind, headersOf(headers), body, 's3cret')).toBe(false);
      }
    },
  );

  test('is not believed for another body', () => {
    const other = bytes({ any: 'other' });
    expect(
      isAuthentic('github', headersOf({ 'x-hub-signature-256': `sha256=${mac}` }), other, 's3cret'),
    ).toBe(false);
  });
});
