import { MockAgent } from 'undici';
import { expect, test } from 'vitest';
import { Transport } from '../../../shared/registry/transport.ts';

/** A registry on the internet that redirects to an address. */
function redirectTo(location: string): Transport {
  const dispatcher = new MockAgent();
  dispatcher.disableNetConnect();
  dispatcher
    .get('https://registry.example')
    .intercept({ path: '/v2/a/blobs/x' })
    .reply(307, '', { headers: { location } });

  for (const origin of ['http://cdn.example', 'https://cdn.example'])
    dispatcher.get(origin).intercept({ path: '/x' }).reply(200, 'content');

  return new Transport({ dispatcher });
}

const blob = { method: 'GET', url: new URL('https://registry.example/v2/a/blobs/x') } as const;

test('a redirect from https to http is refused', async () => {
  await expect(redirectTo('http://cdn.example/x').send(blob)).rejects.toMatchObject({
    code: 'registry_response_invalid',
    message: expect.stringContaining('from https to http'),
  });
});

test('a redirect from https to https is followed', async () => {
  const { status, url } = await redirectTo('https://cdn.example/x').send(blob);
  expect([status, url.href]).toEqual([200, 'https://cdn.example/x']);
});
