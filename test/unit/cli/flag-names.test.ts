import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { useFlagNames } from '../../../cli/flag-names.ts';

const update = new Command('update')
  .argument('<id>')
  .option('--set <pair>')
  .option('--track <track>')
  .option('--cluster <name>')
  .option('--key <file>')
  .option('--identity-regexp <regexp>')
  .option('--expires-in <seconds>')
  .option('--quorum <number>');

describe('the sentence of an API error', () => {
  it.each([
    [
      'the body is invalid: expected one of metadata, track and clusters',
      'expected one of --set, track and --cluster',
    ],
    [
      'the path is invalid: id: expected tok_<ULID>, found "x"',
      '<id>: expected tok_<ULID>, found "x"',
    ],
    [
      'the body is invalid: expires_in_s: expected at least 60',
      '--expires-in: expected at least 60',
    ],
    ['the body is invalid: quorum: expected at least 1', '--quorum: expected at least 1'],
    [
      'expected trusted_keys or cosign_identity_regexp, found none',
      'expected --key or --identity-regexp, found none',
    ],
    ['expected a category, found "trusted_keys"', 'expected a category, found "trusted_keys"'],
    ['the body is invalid: roles[0]: expected a role', 'roles[0]: expected a role'],
    ['the body is invalid: clusters[1]: expected text', '--cluster: expected text'],
    ['the body is invalid: metadata.port: expected text', '--set: expected text'],
  ])('%s', (sentence, said) => {
    expect(useFlagNames(sentence, update)).toBe(said);
  });

  it('stays as it is where no command ran', () => {
    expect(useFlagNames('expected metadata', undefined)).toBe('expected metadata');
  });
});
