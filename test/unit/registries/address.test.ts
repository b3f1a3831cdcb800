import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPublicAddress, parseAllowList } from '../../../shared/domain/registries/index.ts';

const ipv4 = fc.ipV4();
const hex = (address: string) =>
  address
    .split('.')
    .map((octet) => Number(octet).toString(16).padStart(2, '0'))
    .join('')
    .replace(/^(.{4})/, '$1:');

describe('an address', () => {
  it.each([
    '0.0.0.0',
    '10.255.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '127.8.8.8',
    '169.254.169.254',
    '169.254.100.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.0.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:169.254.169.254',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '100::1',
    '2001:0:7f00:1::',
    '2001:2::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '2606:50c0:8000::154%eth0',
    '127.1',
    '0x7f.0.0.1',
    '8.8.8.8.',
    'not an address',
    '',
  ])('%s is not taken for one of the public internet', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each([
    '8.8.8.8',
    '140.82.121.33',
    '172.32.0.1',
    '100.128.0.1',
    '2606:50c0:8000::154',
    '2a00:1450:4001::1',
  ])('%s is', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it('of IPv4 is never public when an IPv6 address wraps it', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        const wrapped = hex(address);
        for (const text of [
          `::ffff:${address}`,
          `::${address}`,
          `64:ff9b::${wrapped}`,
          `64:ff9b:1::${wrapped}`,
          `2002:${wrapped}::1`,
          `2001:0:${wrapped}::1`,
        ]) {
          expect(isPublicAddress(text), text).toBe(false);
        }
      }),
    );
  });
});

describe('an allow-list', () => {
  it('of a network permits the addresses in it and no others, whatever the name', () => {
    const number = (address: string) =>
      address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
    fc.assert(
      fc.property(ipv4, ipv4, fc.integer({ min: 0, max: 32 }), (network, address, prefix) => {
        const size = 2 ** (32 - prefix);
        const inside = Math.floor(number(network) / size) === Math.floor(number(address) / size);
        expect(parseAllowList([`${network}/${prefix}`]).permits('any.example', address)).toBe(
          inside,
        );
      }),
    );
  });

  it('of an IPv4 network permits no IPv6 address that wraps one', () => {
    const list = parseAllowList(['127.0.0.0/8', '10.0.0.0/8']);
    expect(list.permits('127.0.0.1', '127.0.0.1')).toBe(true);

    for (const address of [
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '64:ff9b::a00:1',
      '2002:a00:1::1',
    ]) {
      expect(list.permits(address, address), address).toBe(false);
    }
  });

  it('of a name permits that name the networks of private use', () => {
    const list = parseAllowList(['Registry.Corp.Example']);
    for (const address of ['10.1.2.3', '172.20.0.1', '192.168.7.7', '100.64.1.1', 'fd12::1']) {
      expect(list.permits('registry.corp.example.', address), address).toBe(true);
      expect(list.permits('other.corp.example', address), address).toBe(false);
    }
  });

  it('of a name permits it neither metadata nor the machine, wherever its DNS points', () => {
    const list = parseAllowList(['registry.corp.example']);
    for (const address of [
      '169.254.169.254',
      'fd00:ec2::254',
      '127.0.0.1',
      '::1',
      '0.0.0.0',
      '224.0.0.1',
      'fe80::1',
    ]) {
      expect(list.permits('registry.corp.example', address), address).toBe(false);
    }
  });

  it('of localhost permits loopback to that name only', () => {
    const list = parseAllowList(['localhost']);
    expect(list.permits('localhost', '127.0.0.1')).toBe(true);
    expect(list.permits('localhost', '::1')).toBe(true);
    expect(list.permits('evil.example', '127.0.0.1')).toBe(false);
    expect(list.permits('127.0.0.1', '127.0.0.1')).toBe(false);
  });

  it('lists names, addresses and what lies in its networks', () => {
    const list = parseAllowList(['registry.corp.example', '10.1.0.0/16', 'fd12::/16']);
    expect(['REGISTRY.corp.example', '10.1.9.9', 'fd12::7'].map(list.lists)).toEqual([
      true,
      true,
      true,
    ]);

    expect(['corp.example', '10.2.0.1', 'fd13::7', 'ghcr.io'].map(list.lists)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0/8',
    'fe80::1%eth0',
    'https://registry.example',
    'registry:5000',
    '*',
    '1.2.3',
    '/8',
    '',
  ])('refuses the entry %j by name', (entry) => {
    expect(() => parseAllowList([entry])).toThrow(`found "${entry}"`);
  });
});
