/** A filter of a list. The API's query, the options of the command and the docs come from it. */
export type Filter =
  /** Text, in which `*` stands for any characters. */
  | { readonly kind: 'name'; readonly about: string }
  | { readonly kind: 'text'; readonly about: string }
  | { readonly kind: 'choice'; readonly choices: readonly string[]; readonly about: string }
  /** True or, as without it, false. */
  | { readonly kind: 'flag'; readonly about: string };

export type Filters = Readonly<Record<string, Filter>>;

/** What a request asks for: a value for each filter, or none. */
export type Wanted<F extends Filters> = {
  readonly [Name in keyof F]?: F[Name] extends { kind: 'flag' }
    ? boolean
    : F[Name] extends { choices: readonly (infer Choice)[] }
      ? Choice
      : string;
};

/** How each filter of a list tests a row. A filter without a test is a type error. */
export type FilterTests<Row, F extends Filters> = {
  readonly [Name in keyof F]: (
    row: Row,
    wanted: NonNullable<Wanted<F>[Name]>,
    all: Wanted<F>,
  ) => boolean;
};

/** Returns whether a row passes each filter that a request sets. */
export function keepBy<Row, F extends Filters>(
  tests: FilterTests<Row, F>,
  wanted: Wanted<F>,
): (row: Row) => boolean {
  const set = Object.keys(tests).filter((name) => wanted[name] !== undefined);
  return (row) =>
    set.every((name) => {
      const value = wanted[name];
      return value === undefined || value === null || tests[name]?.(row, value, wanted) !== false;
    });
}

/** Whether a text matches a pattern in which `*` stands for any characters. Takes linear time. */
export function matchesName(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;

  let from = first.length;
  for (const part of rest) {
    const at = text.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }

  return text.length - last.length >= from && text.endsWith(last);
}

/** The filter by name that most lists have. */
export const byName = { kind: 'name', about: 'name; * stands for any text, as in web-*' } as const;
