import type { ExtensionManifest } from '../domain/extensions/index.ts';
import type { ManifestFinding } from '../manifest/index.ts';
import type { WrittenManifest } from './schema.ts';

interface Canonical {
  manifest: ExtensionManifest;
  findings: ManifestFinding[];
}

/**
 * Fills in the defaults that depend on several keys, brings `enabled` and `customActions` to the
 * top, and warns of what its author may not expect.
 */
export function toCanonical(written: WrittenManifest): Canonical {
  const { spec, enabled, customActions, ...rest } = written;
  const { enabled: enabledInSpec, customActions: actionsInSpec, ...canonicalSpec } = spec;
  const { ref, ...source } = written.source;
  const refs = source.refs ?? ref;

  const manifest: ExtensionManifest = {
    ...rest,
    source: { ...source, ...(refs === undefined ? {} : { refs }) },
    spec: canonicalSpec,
    enabled: enabled ?? enabledInSpec ?? true,
    customActions: customActions ?? actionsInSpec ?? [],
  };

  const findings = [
    ...adviseOnRefs(written.source),
    ...refuseTwice('enabled', enabled, enabledInSpec),
    ...refuseTwice('customActions', customActions, actionsInSpec),
    ...adviseOnPrepare(written),
    ...adviseOnMessages(written),
  ];
  return { manifest, findings };
}

function adviseOnRefs({ type, refs, ref }: WrittenManifest['source']): ManifestFinding[] {
  if (ref !== undefined) {
    const path = ['source', 'ref'];
    const both = refs !== undefined && refs !== ref;
    return both
      ? [{ severity: 'error', path, atKey: true, message: `expected refs alone, found ref too` }]
      : [{ severity: 'warning', path, atKey: true, message: 'ref is read as refs; write refs' }];
  }

  if (refs !== undefined || type !== 'git') return [];
  const message = 'missing, so the default branch is imported; write refs: <branch, tag or commit>';
  return [{ severity: 'warning', path: ['source', 'refs'], message }];
}

function refuseTwice(key: string, top: unknown, inSpec: unknown): ManifestFinding[] {
  if (top === undefined || inSpec === undefined) return [];
  if (JSON.stringify(top) === JSON.stringify(inSpec)) return [];

  const message = `expected ${key} once, found it at the top of the manifest with another value`;
  return [{ severity: 'error', path: ['spec', key], atKey: true, message }];
}

function adviseOnPrepare({ spec }: WrittenManifest): ManifestFinding[] {
  if (spec.orchestrator?.requiresPrepareVm !== true) return [];
  const message = 'has no effect here: Gantry calls no verbs of a machine’s life';
  return [{ severity: 'warning', path: ['spec', 'orchestrator', 'requiresPrepareVm'], message }];
}

const placeholders = ['actionName', 'resourceName', 'extensionName'];

function adviseOnMessages({ customActions, spec }: WrittenManifest): ManifestFinding[] {
  const at = customActions === undefined ? ['spec', 'customActions'] : ['customActions'];
  const actions = customActions ?? spec.customActions ?? [];

  return actions.flatMap((action, index) =>
    (['successmessage', 'errormessage'] as const).flatMap((key) => {
      const names = [...(action[key] ?? '').matchAll(/\{\{\s*([^{}]*?)\s*\}\}/g)];
      const unknown = names.find(([, name = '']) => !placeholders.includes(name));
      if (unknown === undefined) return [];

      const known = placeholders.map((name) => `{{${name}}}`).join(', ');
      const message = `${unknown[0]} stays as it is; only ${known} are replaced`;
      return [{ severity: 'warning' as const, path: [...at, index, key], message }];
    }),
  );
}
