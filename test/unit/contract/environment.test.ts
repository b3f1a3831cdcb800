import { expect, test } from 'vitest';
import { parseEnvironment } from '../../../shared/contract/environment.ts';

test('the named variables are parsed', () => {
  const source = {
    PUBLIC_URL: 'https://gantry.example.com/',
    ALLOWED_PRIVATE_HOSTS: '127.0.0.1, ::1,',
    TABLE_NAME: 't',
  };
  expect(parseEnvironment(source, 'PUBLIC_URL', 'ALLOWED_PRIVATE_HOSTS')).toEqual({
    PUBLIC_URL: 'https://gantry.example.com',
    ALLOWED_PRIVATE_HOSTS: ['127.0.0.1', '::1'],
  });
});

test('what may be absent is', () => {
  expect(parseEnvironment({}, 'OIDC_ISSUER', 'ALLOWED_PRIVATE_HOSTS')).toEqual({
    OIDC_ISSUER: undefined,
    ALLOWED_PRIVATE_HOSTS: [],
  });
});

test('every variable that is missing or malformed is named', () => {
  expect(() => parseEnvironment({ PUBLIC_URL: 'gantry' }, 'TABLE_NAME', 'PUBLIC_URL')).toThrow(
    'TABLE_NAME: expected a value, found nothing; PUBLIC_URL: expected a URL, found gantry',
  );
});
