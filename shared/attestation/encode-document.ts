import type { DocumentSummary } from '../domain/signatures/index.ts';

/**
 * The bytes of an attested document: its JSON; of a predicate that is a text, such as an SPDX file
 * of tags and values, the text.
 */
export function encodeDocument(predicate: unknown): Buffer {
  const text = typeof predicate === 'string' ? predicate : JSON.stringify(predicate ?? null);
  return Buffer.from(text.toWellFormed(), 'utf8');
}

/** The media type of the bytes of a document. */
export function mediaTypeOf({ format }: Pick<DocumentSummary, 'format'>): string {
  if (format?.startsWith('CycloneDX')) return 'application/vnd.cyclonedx+json';
  return format?.startsWith('SPDX') ? 'application/spdx+json' : 'application/json';
}
