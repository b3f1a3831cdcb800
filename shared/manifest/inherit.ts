import type { ModuleManifest } from './schema.ts';

/**
 * Whether a module ships what its parent says: it has a parent, and no `file_spec` of its own
 * (product.md, section 2).
 */
export function inheritsSpec({ parent_module, file_spec }: ModuleManifest): boolean {
  return parent_module !== undefined && file_spec.length === 0;
}

/**
 * A manifest with the `dependency_spec` of its parent as its `file_spec`, if it inherits that. The
 * build writes it so, and composition, ingest and agents need not know the parent.
 */
export function withInheritedSpec(
  manifest: ModuleManifest,
  parent: Pick<ModuleManifest, 'dependency_spec'>,
): ModuleManifest {
  if (!inheritsSpec(manifest)) return manifest;
  return { ...manifest, file_spec: [...(parent.dependency_spec ?? [])] };
}
