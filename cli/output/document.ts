/** The forms of a result for programs: one document, or the names of what it lists. */
export const documentForms = ['json', 'yaml', 'name'] as const;

export type DocumentForm = (typeof documentForms)[number];

/** Returns the function that writes a result in a form. YAML is loaded only if it is wanted. */
export async function documentWriter(form: DocumentForm): Promise<(value: unknown) => string> {
  if (form === 'json') return (value) => JSON.stringify(value, null, 2);
  if (form === 'name') return (value) => namesOf(value).join('\n');

  const { stringify } = await import('yaml');
  return (value) => stringify(value).trimEnd();
}

/** The names of the rows of the first list, or of the one object: `name`, `slug` or `id`. */
function namesOf(value: unknown): string[] {
  const [first] = Object.values(value ?? {});
  return [first].flat().flatMap((row) => {
    const { name, slug, host, id } = (row ?? {}) as Record<string, unknown>;
    const found = name ?? slug ?? host ?? id;
    return typeof found === 'string' ? [found] : [];
  });
}
