import type { Command } from 'commander';

/** Fields of the API whose flag has another name. A field that a command takes itself is absent. */
const flagOf: Readonly<Record<string, string>> = {
  allow_unanchored: '--allow-unanchored',
  clusters: '--cluster',
  cosign_claims: '--claim',
  cosign_identities: '--identity',
  cosign_identity_regexp: '--identity-regexp',
  cosign_issuer_regexp: '--issuer-regexp',
  expires_at: '--expires',
  expires_in_s: '--expires-in',
  freeze_windows: '--freeze',
  groups: '--group',
  metadata: '--set',
  min_soak_s: '--min-soak',
  parent_module: '--parent',
  platforms: '--platform',
  required_attestations: '--require-attestation',
  required_builders: '--require-builder',
  required_sources: '--require-source',
  reviewer_groups: '--reviewer-group',
  roles: '--role',
  template_id: '--template',
  trusted_keys: '--key',
  version_constraint: '--constraint',
  visibility: '--public',
};

/**
 * Says a sentence of the API in the words of a command line: flags and arguments instead of fields,
 * and nothing about bodies and paths, which the user did not write.
 */
export function useFlagNames(sentence: string, command: Command | undefined): string {
  if (command === undefined) return sentence;

  return sentence
    .replace(/^the (?:body|path|query) is invalid: ([\w.[\]]+)/, (_all, place: string) => {
      // A repeatable option is a list: its values have places, such as roles[0].
      return flagFor(place.replace(/[.[].*$/, ''), command) ?? place;
    })
    .replace(/^the (?:body|path|query) is invalid: /, '')
    .replace(/\b[a-z]+(?:_[a-z]+)*\b(?!["'/(:])/g, (word) => {
      const flag = Object.hasOwn(flagOf, word) ? flagFor(word, command) : undefined;
      return flag ?? word;
    });
}

/** Returns the flag or the argument of a command that a field comes from, if it has one. */
function flagFor(field: string, command: Command): string | undefined {
  const flag = Object.hasOwn(flagOf, field) ? flagOf[field] : `--${field.replaceAll('_', '-')}`;
  if (command.options.some(({ long }) => long === flag)) return flag;

  const argument = command.registeredArguments.find((one) => one.name() === field);
  return argument === undefined ? undefined : `<${field}>`;
}
