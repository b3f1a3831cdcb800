import { Enums, Models, Serialize, SPDX, Spec } from '@cyclonedx/cyclonedx-library';
import { PackageURL } from 'packageurl-js';
import type { BundledPackage } from './bundle.ts';

export interface SbomInput {
  version: string;
  packages: readonly BundledPackage[];
  /** The version of Node, where a package has it. */
  node?: string;
  /** SOURCE_DATE_EPOCH. */
  seconds: number;
}

/** Writes the bill of materials of a package as CycloneDX 1.6 JSON. Equal input, equal bytes. */
export function formatSbom({ version, packages, node, seconds }: SbomInput): string {
  const bom = new Models.Bom();
  bom.metadata.timestamp = new Date(seconds * 1000);
  bom.metadata.component = new Models.Component(Enums.ComponentType.Application, 'gantry', {
    bomRef: 'gantry',
    version,
  });

  for (const one of packages) bom.components.add(componentOf(one));
  if (node !== undefined) bom.components.add(runtimeOf(node));

  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const text = new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 2 });
  return `${text}\n`;
}

function componentOf({ name, version, licence }: BundledPackage): Models.Component {
  const [scope, bare] = name.startsWith('@') ? name.split('/') : [undefined, name];
  const purl = new PackageURL('npm', scope, bare ?? name, version).toString();
  return new Models.Component(Enums.ComponentType.Library, name, {
    bomRef: purl,
    purl,
    version,
    licenses: new Models.LicenseRepository([
      SPDX.isSupportedSpdxId(licence)
        ? new Models.SpdxLicense(licence)
        : new Models.LicenseExpression(licence),
    ]),
  });
}

function runtimeOf(version: string): Models.Component {
  const purl = new PackageURL('generic', undefined, 'node', version).toString();
  return new Models.Component(Enums.ComponentType.Platform, 'node', {
    bomRef: purl,
    purl,
    version,
    licenses: new Models.LicenseRepository([new Models.NamedLicense('Node.js')]),
  });
}
