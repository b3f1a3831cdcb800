import { describe, expect, it } from 'vitest';
import { isGantryError } from '../../../shared/base/error.ts';
import { isTag, readTag } from '../../../shared/domain/modules/index.ts';
import { Authorizer, createRegistryMemory } from '../../../shared/registry/auth.ts';
import { guardedDispatcher } from '../../../shared/registry/guard.ts';
import { RegistryClient } from '../../../shared/registry/index.ts';
import { Transport } from '../../../shared/registry/transport.ts';

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (isGantryError(error)) return error.code;
    throw error;
  }
}

describe('a repository registered by an author', () => {
  // Nothing listens there, so a connection that is not refused beforehand is registry_unreachable.
  it.each([
    '127.0.0.1:65535',
    '[::1]:65535',
    'localhost:65535',
    '127.0.0.1.:65535',
    '127.1:65535',
    '2130706433:65535',
    '0x7f000001:65535',
    '017700000001:65535',
    '0.0.0.0:65535',
    '169.254.169.254',
    '[::ffff:127.0.0.1]:65535',
    '10.0.0.1:65535',
    '[64:ff9b::7f00:1]:65535',
    '[fe80::1]:65535',
    '[fd00:ec2::254]:65535',
  ])('cannot make a worker connect to %s', async (host) => {
    const client = new RegistryClient({ host, dispatcher: guardedDispatcher([]) });
    expect(await codeOf(client.listTags('a/b'))).toBe('address_refused');
  });

  it('reaches a private host that an operator allow-listed, and no other', async () => {
    const dispatcher = guardedDispatcher(['localhost']);
    expect(
      await codeOf(new RegistryClient({ host: 'localhost:1', dispatcher }).listTags('a/b')),
    ).toBe('registry_unreachable');
    expect(
      await codeOf(new RegistryClient({ host: '127.0.0.1:1', dispatcher }).listTags('a/b')),
    ).toBe('address_refused');
  });
});

describe('a token service', () => {
  it('that a registry of the internet names cannot be a loopback service, such as the runtime API of Lambda', async () => {
    const credentials = { username: 'acme', password: 'secret' };
    const authorizer = new Authorizer(credentials, new Transport(), createRegistryMemory());
    const challenge = 'Bearer realm="http://127.0.0.1:9001/2018-06-01/runtime/invocation/next"';

    expect(authorizer.learn(challenge, 'repository:a/b:pull', undefined)).toBe(true);
    const header = authorizer.header(new URL('https://registry.example'), 'repository:a/b:pull');

    expect(await codeOf(header)).toBe('registry_response_invalid');
  });
});

describe('a tag that no registry may have', () => {
  it.each([
    '1.0.0 ',
    ' 1.0.0',
    '1.0.0\n',
    'v1.0.0\t',
    '1.0.0\u00a0',
    '../../other/manifests/1.0.0',
    '1.0.0#x',
    '',
  ])('%j cannot become a second name of a version', (tag) => {
    expect(isTag(tag)).toBe(false);
    expect(readTag(tag)).toEqual({ kind: 'ignored' });
  });

  it('cannot be longer than a tag is', () => {
    expect(readTag(`1.0.0-${'a'.repeat(123)}`)).toEqual({ kind: 'ignored' });
    expect(readTag(`1.0.0-${'a'.repeat(122)}`).kind).toBe('version');
  });
});
