import type { Xattr } from './node.ts';

/**
 * Makes `getfattr` print all xattrs below a directory, also those of links, in the form that
 * parseGetfattr reads.
 */
export const getfattrOptions = [
  '--recursive',
  '--physical',
  '--no-dereference',
  '--dump',
  '--match=-',
  '--encoding=base64',
  '--absolute-names',
];

/**
 * Reads the output of `getfattr` (attr 2.5). Each file with xattrs has a line `# file: PATH` and
 * lines `name=0sBASE64`, with octal escapes in paths and names. All are byte strings, as in
 * ComposefsNode.
 */
export function parseGetfattr(output: string): Map<string, Xattr[]> {
  const files = new Map<string, Xattr[]>();
  let xattrs: Xattr[] = [];

  for (const line of output.split('\n')) {
    if (line.startsWith(filePrefix)) {
      xattrs = [];
      files.set(unquote(line.slice(filePrefix.length)), xattrs);
    } else if (line !== '') {
      const equals = line.indexOf('=');
      const name = unquote(equals === -1 ? line : line.slice(0, equals));
      const value = equals === -1 ? '' : line.slice(equals + '=0s'.length);
      xattrs.push({ name, value: Buffer.from(value, 'base64').toString('latin1') });
    }
  }

  return files;
}

const filePrefix = '# file: ';

function unquote(quoted: string): string {
  return quoted.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
