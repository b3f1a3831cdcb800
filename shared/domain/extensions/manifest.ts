/**
 * CloudStack's roles, from the widest to the narrowest. Upstream's names (upstream documentation of
 * `allowedroletypes`).
 */
export const roleTypes = ['Admin', 'ResourceAdmin', 'DomainAdmin', 'User'] as const;
export type RoleType = (typeof roleTypes)[number];

export const parameterTypes = ['BOOLEAN', 'DATE', 'NUMBER', 'STRING'] as const;
export type ParameterType = (typeof parameterTypes)[number];

export const parameterFormats = ['NONE', 'DECIMAL', 'EMAIL', 'PASSWORD', 'URL', 'UUID'] as const;
export type ParameterFormat = (typeof parameterFormats)[number];

/** The formats that a type has. */
export const formatsOf: Record<ParameterType, readonly ParameterFormat[]> = {
  BOOLEAN: ['NONE'],
  DATE: ['NONE'],
  NUMBER: ['NONE', 'DECIMAL'],
  STRING: ['NONE', 'EMAIL', 'PASSWORD', 'URL', 'UUID'],
};

/** Verbs of a machine's life, which no custom action may be called, in lower case. */
export const reservedActions = [
  'prepare',
  'create',
  'start',
  'stop',
  'reboot',
  'delete',
  'status',
  'statuses',
  'getconsole',
] as const;

/** A value that an operator gives when the action runs. */
export interface ActionParameter {
  name: string;
  type: ParameterType;
  required: boolean;
  validationformat: ParameterFormat;
  /** The only values that it may have; empty if it may have any. */
  valueoptions: string[];
}

/** Values that are passed on as they are. All scalars are texts, as their author wrote them. */
export type Detail = string | null | Detail[] | { [name: string]: Detail };
export type Details = Record<string, Detail>;

/** An action of an extension that operators run on a machine. */
export interface CustomAction {
  name: string;
  displayName?: string | undefined;
  description?: string | undefined;
  resourcetype: 'VirtualMachine';
  enabled: boolean;
  /** Seconds that it may take. */
  timeout: number;
  /** Always with Admin, each role once, from the widest to the narrowest. */
  allowedroletypes: RoleType[];
  successmessage?: string | undefined;
  errormessage?: string | undefined;
  details: Details;
  parameters: ActionParameter[];
}

/**
 * The manifest of an extension in its canonical form: CloudStack's keys, with every default filled
 * in, and `enabled` and `customActions` at the top.
 */
export interface ExtensionManifest {
  apiVersion: 'cloudstack.apache.org/v1';
  kind: 'OrchestratorExtension';
  metadata: {
    name: string;
    displayName: string;
    description: string;
    /** A semantic version. */
    version: string;
    maintainer: string;
    homepage?: string | undefined;
  };
  source: {
    type: 'git' | 'archive';
    url: string;
    /** Branch, tag or commit; absent for the default branch. */
    refs?: string | undefined;
  };
  spec: {
    type: 'Orchestrator';
    compatibility: { cloudstack: { minVersion: string; maxVersion?: string | undefined } };
    entrypoint: {
      language?: string | undefined;
      /** Relative to the root of the tree, and to `targetDir` where it is installed. */
      path: string;
      targetDir: string;
    };
    orchestrator?: { requiresPrepareVm: boolean } | undefined;
    details: Details;
  };
  enabled: boolean;
  customActions: CustomAction[];
}
