import { readFile } from 'node:fs/promises';
import { GantryError } from '../../shared/base/error.ts';

/** Reads a small text file that an option names. @throws GantryError `io_error` */
export async function readOptionFile(path: string, option: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GantryError(
      'io_error',
      `expected a readable file for ${option}, found an error: ${reason}`,
      {
        field: option,
        cause,
      },
    );
  }
}

/** Reads a JSON file that an option names. @throws GantryError `io_error` */
export async function readOptionJson(path: string, option: string): Promise<unknown> {
  const text = await readOptionFile(path, option);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new GantryError(
      'io_error',
      `expected JSON in ${path}, the file of ${option}, found a syntax error: ${reason}`,
      {
        field: option,
        cause,
      },
    );
  }
}
