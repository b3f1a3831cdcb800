import { writeFileSync } from 'node:fs';
import { moduleManifestJsonSchema } from '../shared/manifest/index.ts';

/** Writes the JSON Schema that editors check manifests with; a test fails while the committed file is another. */
const file = new URL('../shared/manifest/module-manifest.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(moduleManifestJsonSchema(), null, 2)}\n`);
