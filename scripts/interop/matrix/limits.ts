import type { FormName } from './forms.ts';
import type { RegistryName } from './registries.ts';
import type { ToolName } from './tools.ts';

/** Cells that a tool or a registry cannot do; a field that is absent means any. */
export interface Limit {
  tool?: ToolName;
  registry?: RegistryName;
  form?: FormName;
  reason: string;
}

/** Every cell outside of this list is expected to end in a built version. */
export const knownLimits: readonly Limit[] = [
  {
    tool: 'oras-copy',
    form: 'cosign2-key',
    reason: 'oras copies referrers, and a signature of cosign 2 is a tag',
  },
  {
    tool: 'cosign-copy',
    form: 'cosign-key',
    reason: 'cosign copy copies tags, and a bundle is a referrer (sigstore/cosign#4564)',
  },
];

export function findLimit(tool: ToolName, registry: RegistryName, form: FormName) {
  return knownLimits.find(
    (limit) =>
      (limit.tool ?? tool) === tool &&
      (limit.registry ?? registry) === registry &&
      (limit.form ?? form) === form,
  );
}
