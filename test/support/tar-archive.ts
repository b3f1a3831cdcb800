/** Makes tar archives byte by byte, also ones that no tar program would write. */
export interface RawHeader {
  name?: string | Buffer;
  type?: string;
  mode?: string;
  uid?: string | Buffer;
  gid?: string | Buffer;
  /** The field as it stands, else the content's length in octal. */
  size?: string | Buffer;
  mtime?: string | Buffer;
  link?: string | Buffer;
  magic?: string;
  userName?: string;
  devMajor?: string;
  devMinor?: string;
  prefix?: string | Buffer;
  checksum?: string;
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, '0')}\0`;
}

export function rawHeader(fields: RawHeader, contentBytes = 0): Buffer {
  const block = Buffer.alloc(512);
  const put = (value: string | Buffer, at: number) => Buffer.from(value as string).copy(block, at);

  put(fields.name ?? '', 0);
  put(fields.mode ?? octal(fields.type === '5' ? 0o755 : 0o644, 7), 100);
  put(fields.uid ?? octal(0, 7), 108);
  put(fields.gid ?? octal(0, 7), 116);
  put(fields.size ?? octal(contentBytes, 11), 124);
  put(fields.mtime ?? octal(1_700_000_000, 11), 136);
  put('        ', 148);
  put(fields.type ?? '0', 156);
  put(fields.link ?? '', 157);
  put(fields.magic ?? 'ustar\x0000', 257);
  put(fields.userName ?? '', 265);
  put(fields.devMajor ?? octal(0, 7), 329);
  put(fields.devMinor ?? octal(0, 7), 337);
  put(fields.prefix ?? '', 345);

  put(
    fields.checksum ??
      `${octal(
        block.reduce((sum, byte) => sum + byte, 0),
        6,
      )} `,
    148,
  );

  return block;
}

/** A header, the content and its padding. */
export function rawMember(fields: RawHeader, content: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([
    rawHeader(fields, bytes.length),
    bytes,
    Buffer.alloc((512 - (bytes.length % 512)) % 512),
  ]);
}

/** One `length key=value\n` record. */
export function paxRecord(key: string, value: string | Buffer): Buffer {
  const tail = Buffer.concat([
    Buffer.from(` ${key}=`),
    Buffer.from(value as string),
    Buffer.from('\n'),
  ]);

  let length = tail.length + 1;
  while (String(length).length + tail.length !== length)
    length = String(length).length + tail.length;
  return Buffer.concat([Buffer.from(String(length)), tail]);
}

export function paxMember(records: Record<string, string | Buffer>): Buffer {
  const body = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
  return rawMember({ name: 'PaxHeader', type: 'x' }, body);
}

export const tarEnd = Buffer.alloc(1024);

/** The two metadata files and the root directory, then what is given, then the end. */
export function rawModuleTar(members: Buffer[], end: Buffer = tarEnd): Buffer {
  return Buffer.concat([
    rawMember({ name: 'manifest.json' }, '{"name":"my-redis"}\n'),
    rawMember({ name: 'composefs-digest' }, `${'0'.repeat(64)}\n`),
    rawMember({ name: 'rootfs/', type: '5' }),
    ...members,
    end,
  ]);
}
