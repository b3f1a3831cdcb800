import { z } from 'zod';
import { sensorNames, warningFilters } from '../../domain/upkeep/index.ts';
import { listQuery, pageOf, timeSchema } from '../http/index.ts';

export const sensorNameSchema = z.enum(sensorNames);

/** An open warning of a sensor. */
export const warningSchema = z
  .object({
    sensor: sensorNameSchema,
    subject: z.string().meta({ description: 'what it is about, as in events: version/<id>' }),
    module: z.string().nullable(),
    since: timeSchema.meta({ description: 'since when the cause exists' }),
    message: z.string().meta({ description: 'what is wrong and what to do' }),
    evidence: z
      .object({
        machines: z.number().int(),
        healthy_hours: z.number().int(),
        suffices: z.boolean(),
      })
      .nullable()
      .meta({ description: 'of a version: machines that report it healthy, and for how long' }),
    first_warned_at: timeSchema,
    warned_at: timeSchema,
  })
  .meta({ id: 'Warning' });

export const warningsQuery = listQuery(warningFilters);

export const warningsAnswer = pageOf('warnings', warningSchema);

export const sensorSchema = z
  .object({
    name: sensorNameSchema,
    warns: z.string().meta({ description: 'when it warns' }),
    mails: z.boolean().meta({ description: 'whether it mails the operators of the account' }),
    open: z.number().int().meta({ description: 'its open warnings' }),
  })
  .meta({ id: 'Sensor' });

export const sensorsAnswer = z.object({ sensors: z.array(sensorSchema) });

export const sensorParams = z.object({ name: sensorNameSchema });

export const updateSensorBody = z.strictObject({ mails: z.boolean() });

export const sensorAnswer = z.object({ sensor: sensorSchema });
