import { z } from 'zod';
import { roles } from '../../domain/accounts/index.ts';
import { metadataKeysMax, tracks } from '../../domain/templates/index.ts';

export const timeSchema = z.iso.datetime().meta({ description: 'UTC, ISO 8601' });

export const roleSchema = z.enum(roles);

export const trackSchema = z.enum(tracks);

const metadataKey = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/, 'expected a key of letters, digits, "_", "." and "-"');

// It travels in signed metadata, whose canonical JSON has no fractions.
const metadataValue = z.union([
  z.string().max(4096),
  z.int('expected a whole number; write a fraction as text'),
  z.boolean(),
]);

const hasFewKeys = (metadata: object) => Object.keys(metadata).length <= metadataKeysMax;
const fewKeys = `expected at most ${metadataKeysMax} keys`;

/**
 * Metadata of assignments and instances: flat, so that `${instance.<key>}` always has one text
 * form. Its row holds 100 KiB of it (`rowBounds`).
 */
export const metadataSchema = z.record(metadataKey, metadataValue).refine(hasFewKeys, fewKeys);

/** A change of metadata: in a merge patch (RFC 7386), null removes a key and the others stay. */
export const metadataPatchSchema = z
  .record(metadataKey, metadataValue.nullable())
  .refine(hasFewKeys, fewKeys)
  .meta({
    description:
      'all of it; as application/merge-patch+json (RFC 7386) the keys to change, null to remove one',
  });

/**
 * Names go into mails, lists and terminals, where line breaks, changes of direction, invisible
 * characters and halves of characters mislead.
 */
export const personName = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .refine(
    (name) => !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u200b\u2060-\u2065\ufeff]/u.test(name),
    'expected a name in one line, without control characters',
  );
