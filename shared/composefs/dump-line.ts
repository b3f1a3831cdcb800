import { GantryError } from '../base/error.ts';
import { shown } from './dump-text.ts';
import { unescapeField } from './escape.ts';

const fieldNames = [
  'path',
  'size',
  'mode',
  'nlink',
  'uid',
  'gid',
  'rdev',
  'mtime',
  'payload',
  'content',
  'digest',
];

export const u32Max = 0xffff_ffff;

/** A number in a line: its place in the text, the field it belongs to, and its largest value. */
interface NumberField {
  start: number;
  end: number;
  field: number;
  base: 8 | 10;
  max: number;
}

/**
 * The line of a dump that is read now: eleven fixed fields, and the xattrs after them. One object
 * serves all lines, because a dump has millions. Fields have the numbers of `fieldNames`.
 */
export class DumpLine {
  /** Counts from 1; 0 before the first line. */
  number = 0;
  text = '';
  #end = 0;
  /** Where the fixed fields start, and what follows them. */
  readonly #bounds: number[] = new Array(fieldNames.length + 1).fill(0);

  /** Moves to the line at these places of a text. */
  read(text: string, start: number, end: number): void {
    this.text = text;
    this.#end = end;

    const bounds = this.#bounds;
    bounds[0] = start;

    for (let field = 1; field < bounds.length; field++) {
      const space = text.indexOf(' ', bounds[field - 1]);
      const found = space !== -1 && space < end;

      if (!found && field < fieldNames.length) {
        throw this.error(
          `expected ${fieldNames.length} fields separated by a space, found ${field}`,
        );
      }

      bounds[field] = (found ? space : end) + 1;
    }
  }

  start(field: number): number {
    return this.#bounds[field] as number;
  }

  end(field: number): number {
    return (this.#bounds[field + 1] as number) - 1;
  }

  /** The xattrs as they are written; null where the line has none. */
  get xattrs(): string | null {
    const start = this.start(fieldNames.length);
    return start < this.#end ? this.text.slice(start, this.#end) : null;
  }

  error(sentence: string, line = this.number): GantryError {
    return new GantryError('dump_invalid', `line ${line}: ${sentence}`, { details: { line } });
  }

  string(field: number): string {
    const start = this.start(field);
    const value = this.unescape(
      this.text.slice(start, this.end(field)),
      fieldNames[field] as string,
    );
    if (value.includes('\0'))
      throw this.error(`expected a ${fieldNames[field]} without NUL, found ${shown(value)}`);

    return value;
  }

  /** Reads a field that is `-` when it is not set. Returns '' then. */
  optional(field: number, binary = false): string {
    const start = this.start(field);
    const end = this.end(field);
    if (end - start === 1 && this.text.charCodeAt(start) === 0x2d) return '';

    return binary
      ? this.unescape(this.text.slice(start, end), fieldNames[field] as string)
      : this.string(field);
  }

  unescape(field: string, what: string): string {
    if (!field.includes('\\')) return field;

    const value = unescapeField(field);
    if (value === undefined)
      throw this.error(
        `expected escapes \\\\, \\n, \\r, \\t or \\xHH in the ${what}, found another`,
      );

    return value;
  }

  decimal(field: number, max: number): number {
    return this.integer({ start: this.start(field), end: this.end(field), field, base: 10, max });
  }

  integer({ start, end, field, base, max }: NumberField): number {
    let value = 0;
    for (let at = start; at < end; at++) {
      const digit = this.text.charCodeAt(at) - 0x30;
      if (digit < 0 || digit >= base) value = Number.NaN;
      value = value * base + digit;
    }

    if (start < end && value <= max) return value;
    const found = shown(this.text.slice(start, end));
    throw this.error(
      `expected ${fieldNames[field]} as a number in base ${base} of at most ${max}, found ${found}`,
    );
  }
}
