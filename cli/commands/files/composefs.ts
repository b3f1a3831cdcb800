import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import type { ComposefsNode } from '../../../shared/composefs/index.ts';
import { describe, type Flags } from '../../command.ts';
import { print } from '../../run.ts';

interface ImageOptions extends Flags {
  fromFile?: string;
  digestStore?: string;
  printDigest?: boolean;
}

/** `gantry composefs …`: what mkcomposefs and composefs-info do, for machines without them. */
export function register(command: Command): void {
  const imaging = command
    .command('image')
    .description('write the composefs image of a directory or dump, byte for byte like mkcomposefs')
    .usage('[options] (--from-file DUMP | DIR) OUT')
    .argument('<paths...>', 'DIR and OUT, or only OUT with --from-file; OUT can be - for stdout')
    .option('--from-file <dump>', 'read a dump (composefs-dump(5)); - for standard input')
    .option('--digest-store <store>', 'copy the content of DIR to STORE, named by fs-verity digest')
    .option('--print-digest', 'print the fs-verity digest of the image');

  describe(imaging, {
    notes: 'If OUT is -, the digest or JSON goes to standard error.',
    examples: [
      'gantry composefs image --print-digest ./rootfs image.erofs',
      'gantry composefs image --digest-store ./store ./rootfs image.erofs',
      'composefs-info dump old.erofs | gantry composefs image --from-file - new.erofs',
    ],
    action: image,
  });

  const dumping = command
    .command('dump')
    .description('list the files of a composefs image, like composefs-info dump')
    .argument('<image>', 'composefs image; - for standard input');
  describe(dumping, {
    notes: 'The output format is composefs-dump(5), or a JSON array of files with --json.',
    examples: [
      'gantry composefs dump image.erofs',
      'gantry composefs dump image.erofs | gantry composefs image --from-file - again.erofs',
      "gantry composefs dump image.erofs --json | jq -r '.[] | select(.verity) | .verity'",
    ],
    action: dump,
  });
}

async function image(paths: string[], options: ImageOptions): Promise<0> {
  const wanted = options.fromFile === undefined ? 2 : 1;
  if (paths.length !== wanted) {
    const expected = wanted === 2 ? 'DIR and OUT' : 'only OUT after --from-file DUMP';
    throw new GantryError('usage', `expected ${expected}, found ${paths.length} paths`);
  }

  if (options.fromFile !== undefined && options.digestStore !== undefined) {
    throw new GantryError(
      'usage',
      'expected --digest-store with a DIR, found it with a dump; dumps have no content',
    );
  }

  const out = paths.at(-1) as string;
  const root =
    options.fromFile === undefined
      ? await readDirectory(paths[0] as string, options)
      : await readDump(options.fromFile);
  const { imageOfTree } = await import('../../../shared/composefs/index.ts');
  const { image: bytes, digest } = imageOfTree(root);

  await write(out, bytes);
  if (options.json || options.printDigest) {
    const value = { digest, size: bytes.length, path: out };
    if (out === '-') process.stderr.write(`${options.json ? JSON.stringify(value) : digest}\n`);
    else print(options.json, value, () => digest);
  }

  return 0;
}

async function dump(path: string, options: Flags): Promise<0> {
  const { readImage } = await import('../../../shared/composefs/index.ts');
  const root = readImage(await readAll(path));
  await writePieces(options.json ? await jsonPieces(root) : await textPieces(root));
  return 0;
}

async function readAll(path: string): Promise<Uint8Array> {
  const { readFile } = await import('node:fs/promises');
  try {
    if (path !== '-') return await readFile(path);
    const pieces: Buffer[] = [];
    for await (const piece of process.stdin) pieces.push(piece);
    return Buffer.concat(pieces);
  } catch (error) {
    throw ioError(path, error);
  }
}

async function textPieces(root: ComposefsNode): Promise<Iterable<Uint8Array>> {
  const { dumpPieces } = await import('../../../shared/composefs/index.ts');
  return dumpPieces(root);
}

/** Yields one JSON document in pieces, because it may be longer than a string can be. */
async function jsonPieces(root: ComposefsNode): Promise<Iterable<string>> {
  const { listTree } = await import('../../../shared/composefs/index.ts');
  return (function* () {
    let before = '[\n';
    for (const file of listTree(root)) {
      yield `${before}${JSON.stringify(file)}`;
      before = ',\n';
    }

    yield '\n]\n';
  })();
}

/** Writes at the pace of the reader, and ends cleanly when the reader closes (`| head`). */
async function writePieces(pieces: Iterable<Uint8Array | string>): Promise<void> {
  const [{ Readable }, { pipeline }] = await Promise.all([
    import('node:stream'),
    import('node:stream/promises'),
  ]);
  try {
    await pipeline(Readable.from(pieces), process.stdout, { end: false });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE'))
      throw ioError('standard output', error);
  }
}

async function readDirectory(
  directory: string,
  { digestStore }: ImageOptions,
): Promise<ComposefsNode> {
  const { treeFromDirectory } = await import('../../../shared/composefs/directory.ts');
  return treeFromDirectory(directory, {
    ...(digestStore === undefined ? {} : { digestStore }),
    warn: (sentence) => process.stderr.write(`gantry: ${sentence}\n`),
  });
}

async function readDump(path: string): Promise<ComposefsNode> {
  const [{ DumpReader }, fs] = await Promise.all([
    import('../../../shared/composefs/index.ts'),
    import('node:fs'),
  ]);
  const reader = new DumpReader();

  try {
    if (path === '-') for await (const chunk of process.stdin) reader.push(chunk);
    else {
      // One buffer serves all reads; a stream would allocate one for each chunk.
      const file = fs.openSync(path, 'r');
      const buffer = Buffer.allocUnsafeSlow(1 << 20);

      for (let bytes = fs.readSync(file, buffer); bytes > 0; bytes = fs.readSync(file, buffer)) {
        reader.push(buffer.subarray(0, bytes));
      }

      fs.closeSync(file);
    }
  } catch (error) {
    throw ioError(path, error);
  }

  return reader.end();
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  try {
    if (path !== '-') await writeFile(path, bytes);
    else
      await new Promise<void>((resolve, reject) =>
        process.stdout.write(bytes, (error) => (error ? reject(error) : resolve())),
      );
  } catch (error) {
    throw ioError(path, error);
  }
}

function ioError(path: string, error: unknown): GantryError {
  if (error instanceof GantryError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new GantryError('io_error', `${path}: ${message}`, { field: path, cause: error });
}
