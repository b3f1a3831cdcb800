import { describe, expect, test } from 'vitest';
import {
  isExclusive,
  normaliseVersions,
  providedPattern,
  splitProvided,
} from '../../../shared/domain/modules/index.ts';

describe('a provided capability', () => {
  test.each([
    ['http-server', 'http-server', null],
    ['http.port:80', 'http.port:80', null],
    ['base-os:ubuntu-24.04', 'base-os:ubuntu-24.04', null],
    ['nginx@1.26', 'nginx', '1.26.0'],
    ['database.postgres@16', 'database.postgres', '16.0.0'],
    ['ruby@3.4.7.1', 'ruby', '3.4.7'],
    ['ruby@3.5.0-rc1', 'ruby', '3.5.0-rc1'],
    ['ruby@3.5.0.preview2', 'ruby', '3.5.0-preview2'],
    ['date@2026.01.05', 'date', '2026.1.5'],
  ])('%s', (entry, capability, version) => {
    expect(entry).toMatch(providedPattern);
    expect(splitProvided(entry)).toEqual({ capability, version });
  });

  test.each(['', 'A', 'a b', 'a@', 'a@x', 'a@1@2', ':a', 'a:', 'a/b'])('%j is none', (entry) => {
    expect(entry).not.toMatch(providedPattern);
  });

  test.each([
    ['http.port:80', true],
    ['a.b.port:dns', true],
    ['http.port', false],
    ['port:80', false],
    ['http.ports:80', false],
  ])('whether one module of a composition alone may provide %s: %s', (capability, exclusive) => {
    expect(isExclusive(capability)).toBe(exclusive);
  });

  test.each([
    ['>= 1.2.3.4, < 2 || 1.2.3', '>= 1.2.3, < 2 || 1.2.3'],
    ['>= 24.04', '>= 24.4'],
    ['1.x || 2.3.x', '1.x || 2.3.x'],
    ['= 3.5.0.preview2', '= 3.5.0-preview2'],
    ['^1.2.3-rc.1', '^1.2.3-rc.1'],
    ['16-rc1', '16.0.0-rc1'],
  ])('its constraint %s means %s', (written, range) => {
    expect(normaliseVersions(written)).toBe(range);
  });
});
