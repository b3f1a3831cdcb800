import type { Schema } from './open-api.ts';

/** Shows what is between backticks as code. */
export function Prose({ text = '' }: { text?: string | undefined }) {
  return (
    <>{text.split('`').map((part, index) => (index % 2 === 1 ? <code>{part}</code> : part))}</>
  );
}

/** A schema as a table of its properties; a choice as one table for each of its kinds. */
export function SchemaTable({ schema }: { schema?: Schema | undefined }) {
  const choices = choicesOf(schema);
  if (choices.length > 1 && choices.some(({ properties }) => properties !== undefined)) {
    return (
      <>
        <p class="soft">One of these {choices.length} forms:</p>
        {choices.map((choice, index) => (
          <details class="form">
            <summary>
              <b>{kindOf(choice) ?? `form ${index + 1}`}</b>
              <span class="soft">{Object.keys(choice.properties ?? {}).join(', ')}</span>
            </summary>
            <SchemaTable schema={choice} />
          </details>
        ))}
      </>
    );
  }

  if (schema?.properties === undefined) {
    return (
      <p>
        <SchemaText schema={schema} />
      </p>
    );
  }
  return (
    <table class="properties">
      <tbody>
        {Object.entries(schema.properties).map(([name, property]) => (
          <PropertyRow
            {...{ name, property, required: schema.required?.includes(name) === true }}
          />
        ))}
      </tbody>
    </table>
  );
}

interface Row {
  name: string;
  property: Schema;
  required: boolean;
  /** Where a parameter stands. */
  place?: string;
}

/** One property or parameter: its name, type, bounds and meaning. */
export function PropertyRow({ name, property, required, place }: Row) {
  const bounds = boundsOf(property);
  return (
    <tr>
      <th scope="row">
        <code>{name}</code>
        {required ? <span class="must"> required</span> : ''}
        {place === undefined ? '' : <span class="soft"> in {place}</span>}
      </th>
      <td>
        <span class="type">
          <SchemaText schema={property} />
        </span>
        {bounds === '' ? '' : <span class="soft bounds">{bounds}</span>}
        <div>
          <Prose text={property.description} />
        </div>
        <Inner schema={property} />
      </td>
    </tr>
  );
}

/** Objects inside a property are boxes to open. Those with a name have a page part of their own. */
function Inner({ schema }: { schema: Schema }) {
  const inner = choicesOf(schema.items ?? schema).filter((one) => one.properties !== undefined);
  if (inner.length === 0) return null;

  const whole = inner.length === 1 ? inner[0] : { anyOf: inner };
  return (
    <details class="form">
      <summary>fields</summary>
      <SchemaTable schema={whole} />
    </details>
  );
}

function choicesOf(schema: Schema | undefined): Schema[] {
  if (schema === undefined) return [];
  return schema.anyOf ?? schema.oneOf ?? [schema];
}

/** The value that tells a form of a choice from the others. */
function kindOf({ properties = {} }: Schema): string | undefined {
  const [name, only] =
    Object.entries(properties).find(([, one]) => fixedValue(one) !== undefined) ?? [];
  return only === undefined ? undefined : `${name}: ${fixedValue(only)}`;
}

function fixedValue(schema: Schema): string | undefined {
  const only = schema.enum?.length === 1 ? schema.enum[0] : schema.const;
  return only === undefined ? undefined : String(only);
}

/** Pattern, default and limits of a value, as words. */
function boundsOf(schema: Schema): string {
  const { pattern, minimum, maximum, minLength, maxLength } = schema;
  const range = (low?: number, high?: number, unit = '') => {
    if (low === undefined && high === undefined) return [];
    if (low === undefined) return [`at most ${high}${unit}`];
    return [high === undefined ? `at least ${low}${unit}` : `${low} to ${high}${unit}`];
  };

  // Generators write the bounds of a 53-bit integer, which say nothing.
  const huge = maximum !== undefined && maximum >= Number.MAX_SAFE_INTEGER;
  return [
    ...(schema.default === undefined ? [] : [`default ${JSON.stringify(schema.default)}`]),
    ...range(
      minimum === -Number.MAX_SAFE_INTEGER ? undefined : minimum,
      huge ? undefined : maximum,
    ),
    ...range(minLength, maxLength, ' characters'),
    ...(pattern === undefined || pattern.length > 120 ? [] : [`pattern ${pattern}`]),
  ].join(', ');
}

/** Formats a schema as a phrase: `text`, `list of Version`, `live | staging`. */
export function SchemaText({ schema }: { schema?: Schema | undefined }) {
  if (schema === undefined) return <>nothing</>;
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1);
    return <a href={`#schema-${name}`}>{name}</a>;
  }

  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (choices !== undefined) {
    return (
      <>
        {choices.map((choice, index) => (
          <>
            {index > 0 ? ' | ' : ''}
            <SchemaText schema={choice} />
          </>
        ))}
      </>
    );
  }

  if (schema.enum !== undefined) return <>{schema.enum.map(String).join(' | ')}</>;
  if (schema.const !== undefined) return <>{String(schema.const)}</>;
  if (schema.items !== undefined) return listText('list of', schema.items);
  if (schema.properties !== undefined) return <>{kindOf(schema) ?? 'object'}</>;
  if (typeof schema.additionalProperties === 'object')
    return listText('map of', schema.additionalProperties);

  const type = [schema.type ?? 'any'].flat().join(' | ').replace('string', 'text');
  return <>{schema.format ? `${type} (${schema.format})` : type}</>;
}

function listText(word: string, schema: Schema) {
  return (
    <>
      {word} <SchemaText schema={schema} />
    </>
  );
}
