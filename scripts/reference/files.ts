import { extensionManifestJsonSchema } from '../../shared/extension/index.ts';
import { moduleManifestJsonSchema } from '../../shared/manifest/index.ts';
import { cliReference } from './cli.ts';
import { errorReference, eventReference, verificationReference } from './contract.ts';
import { extensionReference } from './extensions.ts';
import { manifestReference } from './manifest.ts';
import { peerReference } from './peers.ts';
import { permissionReference } from './permissions.ts';
import { policyReference } from './policies.ts';

interface GeneratedFile {
  /** From the project's root. */
  path: string;
  make: () => string | Promise<string>;
}

/** The committed files that `npm run generate` writes. */
export const generatedFiles: readonly GeneratedFile[] = [
  {
    // Editors check manifests with it.
    path: 'shared/manifest/module-manifest.schema.json',
    make: () => `${JSON.stringify(moduleManifestJsonSchema(), null, 2)}\n`,
  },
  {
    path: 'shared/extension/extension-manifest.schema.json',
    make: () => `${JSON.stringify(extensionManifestJsonSchema(), null, 2)}\n`,
  },
  { path: 'docs/reference/cli.md', make: cliReference },
  { path: 'docs/reference/errors.md', make: errorReference },
  { path: 'docs/reference/events.md', make: eventReference },
  { path: 'docs/reference/extensions/manifest.md', make: extensionReference },
  { path: 'docs/reference/modules/manifest.md', make: manifestReference },
  { path: 'docs/reference/operations/policies.md', make: policyReference },
  { path: 'docs/reference/permissions.md', make: permissionReference },
  { path: 'docs/reference/registries/peers.md', make: peerReference },
  { path: 'docs/reference/verify/verification.md', make: verificationReference },
];
