import { rawMember } from '../tar-archive.ts';

/** Members as short as the hostile archives of this folder want them. */
export const file = (name: string | Buffer, content: string | Buffer = 'x') =>
  rawMember({ name }, content);
export const directory = (name: string) => rawMember({ name, type: '5' });
export const symlink = (name: string, link: string) =>
  rawMember({ name, type: '2', link, mode: '0000777\0' });
export const hardLink = (name: string, link: string | Buffer) =>
  rawMember({ name, type: '1', link });
export const longName = (type: 'L' | 'K', name: string | Buffer) =>
  rawMember({ name: '././@LongLink', type, magic: 'ustar  \0' }, name);
