/** What an account keeps about the registries that its modules are in. */

/** That an operator stored credentials for a registry; they themselves are in a secret, which nobody reads back. */
export interface RegistryLogin {
  account: string;
  /** With port, in lower case. */
  host: string;
  username: string;
  stored_by: string;
  stored_at: string;
}

/** Products whose webhooks are understood; `distribution` stands for registries with its notifications. */
export const hookKinds = ['distribution', 'harbor', 'gitea', 'github'] as const;
export type HookKind = (typeof hookKinds)[number];

/** A door by which one registry tells of pushes; its secret is in Secrets Manager. */
export interface RegistryHook {
  account: string;
  id: string;
  kind: HookKind;
  /** The registry, as the account's modules name it: what is told is about repositories there and nowhere else. */
  host: string;
  created_by: string;
  created_at: string;
}
