import type { ModuleManifest } from '../../shared/domain/modules/index.ts';

/** A manifest that ships and needs nothing but what is given. */
export function manifestOf(name: string, more: Partial<ModuleManifest> = {}): ModuleManifest {
  return {
    schema_version: 1,
    name,
    package_spec: [],
    file_spec: [],
    mask: [],
    protected_spec: [],
    dependencies: { requires: [], provides: [] },
    ...more,
  };
}
