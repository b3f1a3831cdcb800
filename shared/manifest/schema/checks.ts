import { z } from 'zod';
import { limits } from '../../base/limits/index.ts';
import { distinct, form } from './field.ts';
import { serviceName } from './services.ts';

const probes = limits.manifestProbesMax;

/** Commands that a machine must find where the module has them. */
export const verify = z.strictObject({
  probes: z
    .array(
      z.strictObject({
        name: form(
          /^[a-z0-9][a-z0-9._-]{0,63}$/,
          'expected at most 64 lower-case letters, digits, ".", "_" and "-", the first a letter or digit',
        ),
        command: form(
          /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/,
          'expected the name of a command without a path',
        ),
        resolves_to: form(
          /^\/[A-Za-z0-9._+/-]{1,255}$/,
          'expected an absolute path of at most 256 letters, digits, ".", "_", "+", "-" and "/"',
        ),
      }),
    )
    .min(1, `expected 1 to ${probes} probes`)
    .max(probes, `expected 1 to ${probes} probes`),
});

/** Commands of the module that operators may run on machines. */
export const jobs = distinct(
  z.strictObject({
    name: serviceName,
    path: form(
      /^(?!.*\/\.\.?(?:\/|$))(?:\/[^/\p{Cc}]+)+$/u,
      'expected an absolute path without "." and ".." components',
    ).max(4095, 'expected at most 4095 characters'),
    arguments: z
      .boolean()
      .exactOptional()
      .describe('Whether a caller may pass arguments. False if absent.'),
  }),
  'name',
);
