import { z } from 'zod';

/** A package that an SBOM names. */
export interface SbomPackage {
  name: string;
  version: string | null;
  /** Package URL. */
  purl: string | null;
  /** An identifier or expression of SPDX, or a name; null where none is stated. */
  license: string | null;
}

export interface Sbom {
  format: string;
  packages: SbomPackage[];
}

const text = z.string().nullish().catch(null);

// CycloneDX 1.2 and later: https://cyclonedx.org/docs/1.6/json/
const componentSchema = z.looseObject({
  name: z.string(),
  type: text,
  version: text,
  purl: text,
  licenses: z
    .array(
      z.looseObject({
        expression: text,
        license: z.looseObject({ id: text, name: text }).nullish().catch(null),
      }),
    )
    .nullish()
    .catch(null),
  components: z.array(z.unknown()).nullish().catch(null),
});
const cyclonedxSchema = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: text,
  components: z.array(z.unknown()).nullish().catch(null),
});

type Component = z.output<typeof componentSchema>;

/** Components beside the packages. */
const otherComponents = ['file', 'operating-system', 'data', 'device', 'machine-learning-model'];

// SPDX 2.2 and 2.3: https://spdx.github.io/spdx-spec/v2.3/
const spdxPackageSchema = z.looseObject({
  name: z.string(),
  versionInfo: text,
  licenseConcluded: text,
  licenseDeclared: text,
  primaryPackagePurpose: text,
  externalRefs: z
    .array(z.looseObject({ referenceType: text, referenceLocator: text }))
    .nullish()
    .catch(null),
});
const spdxSchema = z.looseObject({
  spdxVersion: z.string().regex(/^SPDX-2\.[0-9]{1,3}$/),
  packages: z.array(z.unknown()).nullish().catch(null),
});

const otherPurposes = ['FILE', 'OPERATING-SYSTEM', 'CONTAINER', 'DEVICE'];

/**
 * Reads the packages of an SBOM: CycloneDX or SPDX 2, as JSON. An entry that is not understood is
 * left out; null for a document of another format.
 */
export function readPackages(document: unknown): Sbom | null {
  return readCyclonedx(document) ?? readSpdx(document);
}

function readCyclonedx(document: unknown): Sbom | null {
  const { data } = cyclonedxSchema.safeParse(document);
  if (data === undefined) return null;

  const packages: SbomPackage[] = [];
  // Components contain components. A list instead of recursion, because the depth is the author's.
  const open = [...(data.components ?? [])].reverse();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const component = componentSchema.safeParse(next).data;
    if (component === undefined) continue;

    if (!otherComponents.includes(component.type ?? '')) packages.push(packageOf(component));
    for (const inner of [...(component.components ?? [])].reverse()) open.push(inner);
  }

  return { format: `CycloneDX ${(data.specVersion ?? '').slice(0, 10)}`.trim(), packages };
}

function packageOf({ name, version, purl, licenses }: Component): SbomPackage {
  const named = (licenses ?? []).flatMap(
    ({ expression, license }) => expression ?? license?.id ?? license?.name ?? [],
  );
  return {
    name,
    version: version ?? null,
    purl: purl ?? null,
    license: named.join(' AND ') || null,
  };
}

function readSpdx(document: unknown): Sbom | null {
  const { data } = spdxSchema.safeParse(document);
  if (data === undefined) return null;

  const packages = (data.packages ?? []).flatMap((one) => {
    const found = spdxPackageSchema.safeParse(one).data;
    if (found === undefined || otherPurposes.includes(found.primaryPackagePurpose ?? '')) return [];

    const purl = found.externalRefs?.find(({ referenceType }) => referenceType === 'purl');
    return [
      {
        name: found.name,
        version: found.versionInfo ?? null,
        purl: purl?.referenceLocator ?? null,
        license: statedLicense(found.licenseConcluded) ?? statedLicense(found.licenseDeclared),
      },
    ];
  });

  return { format: data.spdxVersion, packages };
}

function statedLicense(license: string | null | undefined): string | null {
  return license && !['NOASSERTION', 'NONE'].includes(license) ? license : null;
}
