import { describe, expect, test } from 'vitest';
import { parseAttributes } from '../../../shared/packages/index.ts';

describe('rootfs.attrs', () => {
  test('states mode, owner, group and capabilities of paths', () => {
    const rows = parseAttributes(
      `# path mode owner group capabilities
/etc/secret 0640 root redis
/usr/bin/ping - - - cap_net_raw=ep
"/srv/a b/" 2775 1000 33
`,
    );
    expect(rows.map(({ path, mode, owner, group }) => [path, mode, owner, group])).toEqual([
      ['/etc/secret', 0o640, 'root', 'redis'],
      ['/usr/bin/ping', undefined, undefined, undefined],
      ['/srv/a b', 0o2775, '1000', '33'],
    ]);
    // What setcap(8) writes for cap_net_raw=ep.
    const capability = rows[1]?.xattrs?.['security.capability'] ?? '';
    expect(Buffer.from(capability, 'base64').toString('hex')).toBe(
      '0100000200200000000000000000000000000000',
    );
  });

  test('a capability beyond the first 32 stands in the second word', () => {
    const [row] = parseAttributes('/a - - - cap_bpf,cap_chown=p');
    const value = Buffer.from(row?.xattrs?.['security.capability'] ?? '', 'base64');
    expect(value.toString('hex')).toBe('0000000201000000000000008000000000000000');
  });

  test('names every bad line', () => {
    const text = `etc/a 0644
/a 0888
/b 0644 ro:ot
/c 0644 root root cap_fly=ep
/d 0644 root root cap_chown
/e 0644 root root - more
/../f 0644
/g 0644
/g 0600
"/h 0644`;
    const parse = () => parseAttributes(text);
    expect(parse).toThrow(expect.objectContaining({ code: 'attributes_invalid' }));
    for (const line of [1, 2, 3, 4, 5, 6, 7, 9, 10]) expect(parse).toThrow(`line ${line}:`);
    expect(parse).not.toThrow('line 8:');
  });
});
