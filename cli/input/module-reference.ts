/** A module as a path and query name it: `<name>`, or `<account>/<name>` of another account. */
export function moduleQuery(written: string): { name: string; account: string | undefined } {
  const slash = written.indexOf('/');
  return slash === -1
    ? { name: written, account: undefined }
    : { name: written.slice(slash + 1), account: written.slice(0, slash) };
}
