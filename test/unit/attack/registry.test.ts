import { describe, expect, it } from 'vitest';
import { isTag, readTag } from '../../../shared/domain/version-string.ts';
import { isGantryError } from '../../../shared/error.ts';
import { Authorizer } from '../../../shared/registry/auth.ts';
import { guardedDispatcher, isPublicAddress } from '../../../shared/registry/guard.ts';
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
  // Nothing listens on port 1, so a connection that is not refused beforehand is registry_unreachable.
  it.each([
    '127.0.0.1:1',
    '[::1]:1',
    'localhost:1',
    '127.1:1',
    '2130706433:1',
    '169.254.169.254',
    '[::ffff:127.0.0.1]:1',
    '10.0.0.1:1',
    '[fd00:ec2::254]:1',
  ])('cannot make a worker connect to %s', async (host) => {
    const client = new RegistryClient({ host, dispatcher: guardedDispatcher([]) });
    expect(await codeOf(client.listTags('a/b'))).toBe('address_refused');
  });

  it('reaches a private host that an operator allow-listed, and no other', async () => {
    const dispatcher = guardedDispatcher(['localhost']);
    expect(await codeOf(new RegistryClient({ host: 'localhost:1', dispatcher }).listTags('a/b'))).toBe(
      'registry_unreachable',
    );
    expect(await codeOf(new RegistryClient({ host: '127.0.0.1:1', dispatcher }).listTags('a/b'))).toBe(
      'address_refused',
    );
  });
});

describe('an address', () => {
  it.each([
    '0.0.0.0',
    '100.64.0.1',
    '169.254.100.1',
    '172.31.255.255',
    '192.168.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    'fe80::1',
    '::ffff:169.254.169.254',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    'not an address',
  ])('%s is not taken for one of the public internet', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(['8.8.8.8', '140.82.121.33', '172.32.0.1', '2606:50c0:8000::154', '2a00:1450:4001::1'])(
    '%s is',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );
});

describe('a token service', () => {
  it('that a registry of the internet names cannot be a loopback service, such as the runtime API of Lambda', async () => {
    const authorizer = new Authorizer({ username: 'acme', password: 'secret' }, new Transport());
    const challenge = 'Bearer realm="http://127.0.0.1:9001/2018-06-01/runtime/invocation/next"';
    expect(authorizer.learn(challenge, 'repository:a/b:pull', undefined)).toBe(true);
    const header = authorizer.header(new URL('https://registry.example'), 'repository:a/b:pull');
    expect(await codeOf(header)).toBe('registry_response_invalid');
  });
});

describe('a tag that no registry may have', () => {
  it.each(['1.0.0 ', ' 1.0.0', '1.0.0\n', 'v1.0.0\t', '1.0.0\u00a0', '../../other/manifests/1.0.0', '1.0.0#x', ''])(
    '%j cannot become a second name of a version',
    (tag) => {
      expect(isTag(tag)).toBe(false);
      expect(readTag(tag)).toEqual({ kind: 'ignored' });
    },
  );

  it('cannot be longer than a tag is', () => {
    expect(readTag(`1.0.0-${'a'.repeat(123)}`)).toEqual({ kind: 'ignored' });
    expect(readTag(`1.0.0-${'a'.repeat(122)}`).kind).toBe('version');
  });
});
