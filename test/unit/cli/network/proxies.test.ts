import { describe, expect, test } from 'vitest';
import { readProxies } from '../../../../cli/network/proxies.ts';

const proxy = 'http://proxy.test:3128';
const both = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };

/** The proxy of a URL in an environment. */
function proxyOf(url: string, env: NodeJS.ProcessEnv): string | null {
  return readProxies(env)?.(new URL(url)) ?? null;
}

describe('the proxy of a request', () => {
  test('is the one for its protocol, in capitals or small letters', () => {
    expect(proxyOf('https://r.test/', { HTTPS_PROXY: proxy })).toBe(proxy);
    expect(proxyOf('https://r.test/', { https_proxy: proxy, HTTPS_PROXY: 'http://x' })).toBe(proxy);
    expect(proxyOf('http://r.test/', { HTTP_PROXY: proxy })).toBe(proxy);
  });

  test('for http is not used for https, as curl and docker have it', () => {
    expect(proxyOf('https://r.test/', { HTTP_PROXY: proxy })).toBeNull();
    expect(proxyOf('http://r.test/', { HTTPS_PROXY: proxy })).toBeNull();
  });

  test('is none where no variable names one', () => {
    expect(readProxies({})).toBeNull();
    expect(readProxies({ HTTP_PROXY: '', https_proxy: ' ', NO_PROXY: 'r.test' })).toBeNull();
  });

  test('may lack its scheme', () => {
    expect(proxyOf('https://r.test/', { HTTPS_PROXY: 'proxy.test:3128' })).toBe(proxy);
    const socks = 'socks5://proxy.test:1080';
    expect(proxyOf('https://r.test/', { HTTPS_PROXY: socks })).toBe(socks);
    expect(proxyOf('https://r.test/', { HTTPS_PROXY: 'socks5h://proxy.test:1080' })).toBe(socks);
  });

  test.each(['http://', 'ftp://proxy.test', 'http://me:secret@[proxy'])(
    'that cannot be one is refused without its text: %s',
    (HTTPS_PROXY) => {
      expect(() => readProxies({ HTTPS_PROXY })).toThrow(
        'expected the URL of a proxy in HTTPS_PROXY, such as http://proxy.example.com:3128, found another text',
      );
    },
  );
});

describe('NO_PROXY', () => {
  test.each([
    ['r.test', 'https://r.test/', true],
    ['r.test', 'https://a.r.test/', true],
    ['r.test', 'https://ar.test/', false],
    ['R.Test', 'https://r.TEST/', true],
    ['.r.test', 'https://a.r.test/', true],
    ['.r.test', 'https://r.test/', false],
    ['*.r.test', 'https://a.r.test/', true],
    ['*.r.test', 'https://r.test/', false],
    ['r.test.', 'https://r.test/', true],
    ['r.test', 'https://r.test./', true],
    ['r.test:443', 'https://r.test/', true],
    ['r.test:80', 'http://r.test/', true],
    ['r.test:5000', 'https://r.test/', false],
    ['r.test:5000', 'https://r.test:5000/', true],
    ['*', 'https://r.test/', true],
    ['a.test, r.test', 'https://r.test/', true],
    ['a.test r.test', 'https://r.test/', true],
    ['10.0.0.0/8', 'https://10.20.0.7/', true],
    ['10.0.0.0/8', 'https://11.0.0.1/', false],
    ['10.0.0.0/8', 'https://r.test/', false],
    ['10.0.0.7', 'https://10.0.0.7/', true],
    ['fd00::/8', 'https://[fd12::1]/', true],
    ['fd12::1', 'https://[fd12::1]/', true],
    ['[fd12::1]:5000', 'https://[fd12::1]:5000/', true],
    ['[fd12::1]:5000', 'https://[fd12::1]/', false],
    ['10.0.0.0/99', 'https://10.0.0.1/', false],
    ['a.test', 'https://127.0.0.1:5000/', true],
    ['a.test', 'http://localhost/', true],
    ['a.test', 'http://[::1]:5000/', true],
  ])('"%s" exempts %s: %s', (NO_PROXY, url, exempt) => {
    expect(proxyOf(url, { ...both, NO_PROXY })).toBe(exempt ? null : proxy);
    expect(proxyOf(url, { ...both, no_proxy: NO_PROXY })).toBe(exempt ? null : proxy);
  });

  test('that is not set exempts loopback alone, and an empty one nothing', () => {
    expect(proxyOf('http://127.0.0.1:4566/', both)).toBeNull();
    expect(proxyOf('https://r.test/', both)).toBe(proxy);
    expect(proxyOf('http://127.0.0.1:4566/', { ...both, NO_PROXY: '' })).toBe(proxy);
  });
});
