import { z } from 'zod';
import { limits } from '../../base/limits/index.ts';
import { providedPattern } from '../../domain/modules/index.ts';
import { parseRequirement } from '../requirement.ts';
import { form, list, refineWith } from './field.ts';

const requirement = z
  .string()
  .superRefine(refineWith(parseRequirement))
  .meta({ pattern: '^(?:capability:[a-z0-9._:-]+|(?:[A-Za-z0-9._-]+/)?[A-Za-z0-9._-]+)(?:@.+)?$' });

const provided = form(
  providedPattern,
  'expected lower-case letters and digits with ".", "_", ":" or "-" between them, and a version such as 1.26 after an "@" if there is one',
).max(200, 'expected at most 200 characters');

/** What a module needs from other modules, and offers them. */
export const dependencies = z
  .strictObject({
    requires: list(
      requirement,
      'Modules and capabilities that this module needs: <account>/<module>, a bare <module> (of the own account, else of powernode, else a capability), or capability:<tag>; each with @<range> for some versions only.',
      ['powernode/system-base@^1.0', 'chrony', 'capability:tls.certificates@~> 1.2'],
    ),
    provides: list(
      provided,
      'Capabilities that this module offers, each with @<version> if it has one. Two modules that provide the same *.port:* do not compose.',
      ['http-server', 'http.port:80', 'nginx@1.26'],
      limits.capabilitiesMax,
    ),
  })
  .prefault({})
  .describe('What this module needs from other modules, and offers them.');
