import { isGantryError } from '../base/error.ts';
import { parseStanzas } from './deb822.ts';

/** Where Debian's packages state their licences. */
export const copyrightPath = (name: string): string => `/usr/share/doc/${name}/copyright`;

/** Debian's short names of licences (DEP 5) whose SPDX identifier differs. */
const spdxNames: Readonly<Record<string, string>> = {
  'apache-2': 'Apache-2.0',
  artistic: 'Artistic-1.0-Perl',
  'artistic-1': 'Artistic-1.0',
  'artistic-2': 'Artistic-2.0',
  'bsd-2-clause': 'BSD-2-Clause',
  'bsd-3-clause': 'BSD-3-Clause',
  expat: 'MIT',
  'gfdl-1.3': 'GFDL-1.3-only',
  'gfdl-1.3+': 'GFDL-1.3-or-later',
  'gpl-1': 'GPL-1.0-only',
  'gpl-1+': 'GPL-1.0-or-later',
  'gpl-2': 'GPL-2.0-only',
  'gpl-2+': 'GPL-2.0-or-later',
  'gpl-2.0': 'GPL-2.0-only',
  'gpl-2.0+': 'GPL-2.0-or-later',
  'gpl-3': 'GPL-3.0-only',
  'gpl-3+': 'GPL-3.0-or-later',
  'lgpl-2': 'LGPL-2.0-only',
  'lgpl-2+': 'LGPL-2.0-or-later',
  'lgpl-2.1': 'LGPL-2.1-only',
  'lgpl-2.1+': 'LGPL-2.1-or-later',
  'lgpl-3': 'LGPL-3.0-only',
  'lgpl-3+': 'LGPL-3.0-or-later',
  'mpl-1.1': 'MPL-1.1',
  'mpl-2.0': 'MPL-2.0',
  psf: 'Python-2.0',
  'psf-2': 'Python-2.0',
  zlib: 'Zlib',
};

/**
 * Returns the licences that a machine-readable copyright file (DEP 5) states, as SPDX identifiers
 * where one is known, sorted. A file in prose states none.
 */
export function licencesOf(copyright: string): string[] {
  if (!/^Format:\s*https?:\/\//im.test(copyright.slice(0, 2000))) return [];

  const names = shortNames(copyright).map((name) => spdxNames[name.toLowerCase()] ?? name);
  return [...new Set(names)].sort();
}

/** The short name is the first line of each License field. `and`, `or` and commas join several. */
function shortNames(copyright: string): string[] {
  try {
    return parseStanzas(copyright, 'copyright').flatMap(
      (stanza) =>
        (stanza.get('License') ?? '')
          .split('\n', 1)[0]
          ?.split(/\s+(?:and|or|and\/or)\s+|,\s*|\s+\|\s+/)
          .map((name) => name.trim().replace(/\s+with\s.*$/i, ''))
          .filter((name) => /^[A-Za-z0-9.+-]{1,64}$/.test(name)) ?? [],
    );
  } catch (error) {
    if (!isGantryError(error)) throw error;
    return [];
  }
}
