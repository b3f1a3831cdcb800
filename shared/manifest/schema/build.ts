import { z } from 'zod';
import { form } from './field.ts';

const release = form(
  /^[0-9]+\.[0-9]+\.[0-9]+$/,
  'expected a version of three numbers, as 1.22.5',
).exactOptional();
const text = z.string().exactOptional();

/** Pins that the author's own build scripts read. */
export const build = z.strictObject({
  ubuntu_digest: form(/^sha256:[0-9a-f]{64}$/, 'expected sha256: and 64 hexadecimal digits')
    .nullable()
    .exactOptional(),
  apt_snapshot: form(
    /^(?:[0-9]{8}T[0-9]{6}Z|none)$/,
    'expected a time such as 20261130T120000Z, or none',
  )
    .nullable()
    .exactOptional(),
  firmware_repo: text,
  firmware_ref: text,
  k3s_version: text,
  gitleaks_version: release,
  gh_version: release,
  go_version: release,
  claude_code_version: release,
  ruby_version: release,
  node_version: release,
  act_runner_version: release,
  grok_version: text,
  vault_version: text,
});
