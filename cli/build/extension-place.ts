import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { readBounded } from '../../shared/base/read-bounded.ts';
import type { ExtensionManifest } from '../../shared/domain/extensions/index.ts';
import type { ManifestProblem } from '../../shared/manifest/index.ts';
import { failReading, readManifestText } from '../input/manifest-text.ts';

type Finding = Pick<ManifestProblem, 'severity' | 'path' | 'message'>;

/** The manifest of an extension, where it was found. */
export interface ExtensionPlace {
  /** Its file or link, as people know it. */
  file: string;
  text: string;
  /** What the files beside the manifest lack; nothing if it is alone. */
  findings(manifest: ExtensionManifest): Promise<Finding[]>;
}

/**
 * Reads the manifest of a link, a directory or a file.
 * @throws GantryError `io_error`, `unavailable`, `manifest_ambiguous`
 */
export async function collectExtension(place: string, bytesMax: number): Promise<ExtensionPlace> {
  const alone = async () => [];
  if (/^https?:\/\//i.test(place))
    return { file: place, text: await readLink(place, bytesMax), findings: alone };

  const stats = await stat(place).catch(failReading(place));
  if (!stats.isDirectory())
    return { file: place, text: await readManifestText(place, bytesMax), findings: alone };

  const file = await chooseFile(place);
  const text = await readManifestText(file, bytesMax);
  return { file, text, findings: (manifest) => inspectFiles(place, manifest) };
}

const names = ['manifest.yaml', 'manifest.yml'];

async function chooseFile(directory: string): Promise<string> {
  const files = names.map((name) => join(directory, name));
  const exist = await Promise.all(files.map(isFile));
  const [first, second] = files.filter((_, index) => exist[index]);

  if (second !== undefined) {
    const message = `expected one manifest in ${directory}, found ${names.join(' and ')}; delete one`;
    throw new GantryError('manifest_ambiguous', message);
  }

  return first ?? join(directory, 'manifest.yaml');
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

async function readLink(url: string, bytesMax: number): Promise<string> {
  const signal = AbortSignal.timeout(limits.registryFirstByteMs);
  const fail = (found: string, cause?: unknown) =>
    new GantryError('unavailable', `expected a manifest at ${url}, found ${found}`, { cause });

  try {
    const response = await fetch(url, { signal, headers: { accept: 'text/yaml, */*' } });
    if (!response.ok) throw fail(`status ${response.status}`);
    // Redirects may not lead away from TLS.
    if (url.startsWith('https:') && !response.url.startsWith('https:'))
      throw fail(`a redirect to ${response.url}`);

    const bytes = await readBounded(response.body ?? [], bytesMax, (found) =>
      fail(`more than ${bytesMax} bytes (${found})`),
    );
    return bytes.toString('utf8');
  } catch (error) {
    if (error instanceof GantryError) throw error;
    const { message, cause } = error as Error;
    throw fail((cause as Error | undefined)?.message ?? message, error);
  }
}

async function inspectFiles(directory: string, { spec }: ExtensionManifest): Promise<Finding[]> {
  const { path } = spec.entrypoint;
  const at = 'spec.entrypoint.path';
  const bytes = await readFile(join(directory, path)).catch(() => undefined);
  if (bytes === undefined) {
    const message = `expected a file at ${path} beside the manifest, found none`;
    return [{ severity: 'error', path: at, message }];
  }

  return adviseOnEntrypoint(bytes.subarray(0, 512)).map((message) => ({
    severity: 'warning',
    path: at,
    message,
  }));
}

/** What keeps Linux from running a file. */
export function adviseOnEntrypoint(start: Buffer): string[] {
  const isProgram = start.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'));
  if (isProgram) return [];

  const [first = ''] = start.toString('latin1').split('\n');
  if (!first.startsWith('#!')) {
    return [
      'no machine can run it: it is no program, and its first line names no interpreter (#!)',
    ];
  }

  const cure = 'write the file with Unix line ends, for example by sed -i "s/\\r$//"';
  return first.endsWith('\r')
    ? [`no machine can run it: its first line ends with a carriage return; ${cure}`]
    : [];
}
