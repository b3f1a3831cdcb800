import { z } from 'zod';
import { eventSchema } from '../events/index.ts';
import { pageQuery, timeSchema } from '../http/index.ts';

export const historyQuery = pageQuery.extend({
  about: z
    .string()
    .regex(/^[a-z_]+\/\S{1,200}$/, 'expected <noun>/<name or id>, such as module/my-redis')
    .exactOptional()
    .meta({
      description:
        'only events about an object: module/<name>, template/<id>, instance/<id>, member/<id> or category/<slug>. A module has the events of its versions, a template those of its assignments, and each those of the operations about it',
    }),
  kind: z
    .string()
    .regex(/^gantry(\.[a-z_]+){0,2}$/, 'expected a type of events, such as gantry.version.promoted')
    .exactOptional()
    .meta({
      description: 'only events of this type, or of this noun: gantry.version',
      examples: ['gantry.version.promoted'],
    }),
  since: timeSchema.exactOptional().meta({ description: 'only events at this time or later' }),
});

export const listedEventSchema = eventSchema
  .extend({
    by: z.string().meta({
      description: 'the actor as people know them: an e-mail address, or the name of a token',
    }),
  })
  .meta({ id: 'Event' });
