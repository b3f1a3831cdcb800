import { z } from 'zod';
import { limits } from '../../base/limits/index.ts';
import {
  type ActionParameter,
  formatsOf,
  parameterFormats,
  parameterTypes,
  readOption,
  reservedActions,
  roleTypes,
} from '../../domain/extensions/index.ts';
import { details, line, prose } from './field.ts';

const options = limits.valueOptionsMax;

/** `full, incremental` or a list, which may hold options with commas. */
const valueOptions = z
  .union([z.string(), z.array(z.string())], { error: 'expected text with commas, or a list' })
  .transform((given) => (typeof given === 'string' ? given.split(',') : given))
  .transform((given) => given.map((option) => option.trim()).filter((option) => option !== ''))
  .pipe(z.array(z.string()).max(options, `expected at most ${options} options`));

const parameter = z
  .strictObject({
    name: z
      .string()
      .regex(/^[^=\p{Cc}]{1,128}$/u, 'expected 1 to 128 characters of one line without "="')
      .describe('The name that scripts read.'),
    type: z.enum(parameterTypes).describe('What its values are.'),
    required: z.boolean().default(false).describe('Whether the action needs a value.'),
    validationformat: z
      .enum(parameterFormats)
      .default('NONE')
      .describe('What text or number it takes.'),
    valueoptions: valueOptions.default([]).describe('The only values that it may have.'),
  })
  .superRefine(checkFormat)
  .superRefine(checkOptions);

type Context = z.RefinementCtx<unknown>;

function checkFormat({ type, validationformat }: ActionParameter, context: Context): void {
  const known = formatsOf[type];
  if (known.includes(validationformat)) return;

  const message = `expected ${known.join(' or ')} for the type ${type}, found ${validationformat}`;
  context.addIssue({ code: 'custom', path: ['validationformat'], message });
}

function checkOptions(read: ActionParameter, context: Context): void {
  const { type, validationformat, valueoptions } = read;
  const refuse = (message: string) =>
    context.addIssue({ code: 'custom', path: ['valueoptions'], message });
  if (valueoptions.length === 0 || !formatsOf[type].includes(validationformat)) return;

  if (type !== 'STRING' && type !== 'NUMBER') {
    refuse(`expected no options for the type ${type}; STRING and NUMBER have them`);
    return;
  }

  if (validationformat === 'PASSWORD') {
    refuse('expected no options for a PASSWORD, because everybody can read a manifest');
    return;
  }

  const wrong = valueoptions.find((option) => readOption(read, option) === undefined);
  if (wrong === undefined) return;
  const format = validationformat === 'NONE' ? type : validationformat;
  refuse(`expected options of the format ${format}, found ${JSON.stringify(wrong)}`);
}

const timeout = `expected a whole number of seconds from 1 to ${limits.actionTimeoutMax}`;

const action = z.strictObject({
  name: z
    .string()
    .regex(
      /^(?=.*[^ ])[A-Za-z0-9 _-]{1,128}$/,
      'expected at most 128 letters, digits, spaces, "_" and "-"',
    )
    .superRefine(refuseReserved)
    .describe('The first argument of the program.'),
  displayName: line(200).exactOptional().describe('The name that people are shown.'),
  description: prose(4000).exactOptional().describe('What the action does.'),
  resourcetype: z
    .enum(['VirtualMachine'])
    .default('VirtualMachine')
    .describe('What it runs on: a machine.'),
  enabled: z.boolean().default(true).describe('Whether operators may run it.'),
  timeout: z
    .int()
    .min(1, timeout)
    .max(limits.actionTimeoutMax, timeout)
    .default(limits.actionTimeoutDefault)
    .describe('Seconds that it may take. 60 if absent.'),
  allowedroletypes: z
    .array(z.enum(roleTypes))
    .default(['Admin'])
    .overwrite((given) => roleTypes.filter((role) => role === 'Admin' || given.includes(role)))
    .describe('Roles that may run it: Admin, ResourceAdmin, DomainAdmin, User.'),
  successmessage: prose(1000).exactOptional().describe('What operators read if it succeeds.'),
  errormessage: prose(1000).exactOptional().describe('What operators read if it fails.'),
  details: details.default({}).describe('Values that the program reads.'),
  parameters: distinct(
    z
      .array(parameter)
      .max(
        limits.actionParametersMax,
        `expected at most ${limits.actionParametersMax} parameters of one action`,
      ),
    (name) => name,
  )
    .default([])
    .describe('Values that operators give.'),
});

function refuseReserved(name: string, context: z.RefinementCtx<string>): void {
  if (!(reservedActions as readonly string[]).includes(name.trim().toLowerCase())) return;
  const message = `expected another name than CloudStack's verbs ${reservedActions.join(', ')}, found ${JSON.stringify(name)}`;
  context.addIssue({ code: 'custom', message });
}

/** Entries of which no two have the same name, as `key` reads names. */
function distinct<Entry extends z.ZodType<{ name: string }>>(
  entries: z.ZodArray<Entry>,
  key: (name: string) => string,
) {
  return entries.superRefine((read, context) => {
    const seen = new Map<string, string>();
    for (const [index, { name }] of read.entries()) {
      const first = seen.get(key(name));
      seen.set(key(name), name);
      if (first === undefined) continue;

      const message = `expected a name that no other entry has, found ${JSON.stringify(name)} after ${JSON.stringify(first)}`;
      context.addIssue({ code: 'custom', path: [index, 'name'], message });
    }
  });
}

const most = limits.customActionsMax;

/** Names are compared without case, because scripts read them so. */
export const customActions = distinct(
  z.array(action).max(most, `expected at most ${most} actions`),
  (name) => name.toLowerCase(),
);
