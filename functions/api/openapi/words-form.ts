/**
 * What a property means, and an example of its value. A name means the same everywhere; where it
 * does not, `<Schema>.<name>` has words of its own, or its schema describes it.
 */
export type Words = Readonly<Record<string, readonly [meaning: string, example?: unknown]>>;
