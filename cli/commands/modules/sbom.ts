import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { z } from 'zod';
import { GantryError } from '../../../shared/base/error.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { readBounded } from '../../../shared/base/read-bounded.ts';
import { parseStrictJson } from '../../../shared/base/strict-json.ts';
import { chooseSbom } from '../../../shared/domain/modules/index.ts';
import { documentText } from '../../../shared/domain/signatures/index.ts';
import { type Api, connect } from '../../client/api.ts';
import { resolveVersionOrModule } from '../../client/modules.ts';
import type { responses } from '../../client/response-schemas.ts';
import { describe, type Flags } from '../../command.ts';
import { writeOut } from '../../output/sink.ts';
import { formatFields, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

type Attestation = z.output<(typeof responses)['attestations']>['attestations'][number];

interface SbomFlags extends Flags {
  platform?: string;
  raw?: true;
  save?: string;
}

/** `gantry module sbom` */
export function registerModuleSbom(module: Command): void {
  const command = module
    .command('sbom <version>')
    .description('show the packages of a version, or print its SBOM as its author wrote it')
    .option('--platform <platform>', 'build whose SBOM is wanted (default: the first)')
    .option('--raw', 'print the document itself')
    .option('--save <file>', 'write the document itself to a file');
  describe(command, {
    notes: `
<version> is <module>@<version>, or <module>: its live version, else its newest. An attested SBOM comes before one in a
layer of the artifact, which nobody attested.`,
    examples: [
      'gantry module sbom my-redis@1.2.0',
      'gantry module sbom my-redis --raw | grype',
      'gantry module sbom my-redis@1.2.0 --save sbom.cdx.json',
    ],
    action: showSbom,
  });
}

async function showSbom(written: string, flags: SbomFlags): Promise<ExitCode> {
  const api = await connect();
  const id = await resolveVersionOrModule(api, written);
  const sbom = await requireSbom(api, { id, written, platform: flags.platform ?? null });
  const bytes = await download(sbom);

  if (flags.raw) {
    writeOut(bytes.toString('utf8'));
    return 0;
  }
  if (flags.save !== undefined) {
    await save(flags.save, bytes);
    print(flags.json, { file: flags.save, digest: sbom.digest }, () => `wrote ${flags.save}`);
    return 0;
  }

  const read = await readPackagesOf(bytes);
  const packages = read ?? [];
  const { url: _, ...facts } = sbom;
  print(flags.json, { ...facts, packages }, () =>
    [
      formatFields([
        ['document', documentText(sbom)],
        ['found', sbom.source === 'layer' ? 'in a layer; nobody attested it' : sbom.source],
        ['attested by', sbom.identity ?? (sbom.key_id === null ? null : `key ${sbom.key_id}`)],
        ['digest', sbom.digest],
      ]),
      table(
        ['PACKAGE', 'VERSION', 'LICENCE'],
        packages.map(({ name, version, license }) => [name, version, license]),
        read === null
          ? 'The SBOM names no packages in a form that Gantry knows. Print it with --raw.'
          : 'The SBOM lists no packages.',
      ),
    ].join('\n\n'),
  );
  return 0;
}

async function requireSbom(
  api: Api,
  { id, written, platform }: { id: string; written: string; platform: string | null },
): Promise<Attestation & { url: string }> {
  const path = `/versions/${encodeURIComponent(id)}/attestations`;
  const { attestations } = await api.client.get(api.responses.attestations, path);

  const sbom = chooseSbom(attestations, platform);
  if (sbom?.url != null) return { ...sbom, url: sbom.url };

  throw new GantryError(
    'not_found',
    `expected an SBOM of ${written}, found ${sbom === null ? 'none' : 'one that Gantry does not store'}; attest one (gantry module attest), then run "gantry module poll"`,
  );
}

/** Reads the document from the store. Its digest proves that it is the one that was verified. */
async function download({ url, digest }: { url: string; digest: string | null }): Promise<Buffer> {
  const signal = AbortSignal.timeout(limits.clientTimeoutMs);
  const response = await fetch(url, { redirect: 'error', signal }).catch((cause: unknown) => {
    throw new GantryError('unavailable', 'the store of documents did not respond; try again', {
      cause,
    });
  });
  if (!response.ok) {
    throw new GantryError(
      'unavailable',
      `expected the document from the store, found status ${response.status}; try again`,
    );
  }

  const max = limits.attestationBytesMax;
  const bytes = await readBounded(
    response.body ?? [],
    max,
    () => new GantryError('unavailable', `expected a document of at most ${max} bytes, found more`),
  );
  const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (found === digest) return bytes;

  const message = `expected a document with the digest ${digest}, found ${found}`;
  throw new GantryError('blob_digest_mismatch', message, { expected: digest, found });
}

async function save(file: string, bytes: Buffer): Promise<void> {
  try {
    await writeFile(file, bytes);
  } catch (cause) {
    const message = `expected to write ${file}: ${(cause as Error).message}`;
    throw new GantryError('io_error', message, { cause });
  }
}

/** Null for a document in a form that is not known. */
async function readPackagesOf(bytes: Buffer) {
  const { readPackages } = await import('../../../shared/attestation/index.ts');
  try {
    return readPackages(parseStrictJson(bytes))?.packages ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
