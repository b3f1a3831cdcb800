import { limits } from '../base/limits/index.ts';
import {
  collectMessage,
  composeMessage,
  createMessage,
  ingestMessage,
  pollMessage,
  reconcileMessage,
  reverifyMessage,
  verifyMessage,
  watchMessage,
} from './messages.ts';
import type { Stage } from './stage.ts';

export type { Stage, StageAlarm, StageGrants, StageQueueFacts, StageSchedule } from './stage.ts';

/**
 * Checks that stages name each other correctly, and keeps the literal types from which the rest
 * derives.
 */
function defineStages<const Table extends Record<string, Stage<keyof Table & string>>>(
  table: Table,
): Table {
  return table;
}

/** A failed call is dropped, because the call of the next minute does the same work. */
const everyMinute = {
  name: 'EveryMinute',
  everyMinutes: 1,
  retryAttempts: 0,
  eventAgeMinutes: 1,
} as const;

const everyQuarterOfAnHour = {
  name: 'EveryQuarterOfAnHour',
  everyMinutes: 15,
  retryAttempts: 0,
  eventAgeMinutes: 15,
} as const;

const everySixHours = {
  name: 'EverySixHours',
  everyMinutes: 6 * 60,
  retryAttempts: 2,
  eventAgeMinutes: 60,
} as const;

const everyDay = {
  name: 'EveryDay',
  everyMinutes: 24 * 60,
  retryAttempts: 2,
  eventAgeMinutes: 6 * 60,
} as const;

/**
 * Every function of Gantry in the order in which a module passes through them: environment,
 * outputs, queues, grants, alarms, bundles and tests derive from this table. A new stage is one
 * entry here and its handler.
 */
export const stages = defineStages({
  poll: {
    description: 'Finds new tags in registries',
    entry: 'functions/poll/handler.ts',
    timeoutSeconds: 120,
    memoryMiB: 1024,
    // More calls than any one host's budget lets work concurrently.
    queue: { version: 1, message: pollMessage, batchSize: 1, concurrency: 20 },
    sends: ['poll', 'verify'],
    schedule: everyMinute,
    grants: { table: 'write', outside: ['registries'] },
  },
  verify: {
    description: 'Decides whether signatures satisfy the policy of a module',
    entry: 'functions/verify/handler.ts',
    timeoutSeconds: 120,
    memoryMiB: 1024,
    queue: {
      version: 1,
      message: verifyMessage,
      batchSize: 1,
      concurrency: 10,
      oldestMinutes: 60,
    },
    sends: ['verify', 'ingest'],
    grants: {
      table: 'write',
      objects: { write: ['stored-signatures', 'documents'] },
      trustRoot: 'read',
      outside: ['registries'],
    },
  },
  trust: {
    description: 'Refreshes the public-good trust root through TUF',
    entry: 'functions/verify/trust-handler.ts',
    timeoutSeconds: 120,
    memoryMiB: 1024,
    sends: ['reverify'],
    schedule: everySixHours,
    grants: { trustRoot: 'write', outside: ['mirror'] },
    alarms: {
      TrustRootStale: {
        metric: 'TrustRootDaysLeft',
        description: 'The public-good trust root was not refreshed for days.',
        below: { value: limits.trustRootDaysLeftMin, hours: 6 },
      },
    },
  },
  ingest: {
    description: 'Copies and checks verified artifacts',
    entry: 'functions/ingest/handler.ts',
    // Lambda's longest: one call streams a layer of up to limits.layerBytesMax.
    timeoutSeconds: 900,
    memoryMiB: 1769,
    queue: {
      version: 1,
      message: ingestMessage,
      batchSize: 1,
      concurrency: 10,
      oldestMinutes: 180,
    },
    sends: ['ingest', 'verify', 'reverify'],
    // Versions whose file indexes have an older format.
    schedule: everyDay,
    grants: {
      table: 'write',
      objects: {
        read: ['stored-signatures'],
        write: ['artifacts', 'file-indexes', 'documents'],
      },
      trustRoot: 'read',
      outside: ['registries'],
    },
  },
  promote: {
    description: 'The steps of an operation',
    entry: 'functions/promote/handler.ts',
    timeoutSeconds: 60,
    memoryMiB: 1024,
    sends: ['poll', 'verify', 'reverify', 'compose', 'reconcile'],
    grants: {
      table: 'write',
      // Which templates use a version that would be retired.
      objects: { read: ['compositions'] },
      links: 'make',
      executions: ['answer'],
      outside: ['mail'],
      publicUrl: true,
    },
  },
  reverify: {
    description: 'Verifies the signatures of versions again',
    entry: 'functions/verify/reverify-handler.ts',
    timeoutSeconds: 120,
    memoryMiB: 1024,
    queue: { version: 1, message: reverifyMessage, batchSize: 1, concurrency: 5 },
    sends: ['reverify', 'compose'],
    schedule: everyDay,
    grants: {
      table: 'write',
      objects: { write: ['stored-signatures', 'documents'] },
      trustRoot: 'read',
      executions: ['start'],
      outside: ['registries'],
    },
    alarms: {
      QuarantinesHeld: {
        metric: 'QuarantinesHeld',
        description:
          'More versions than usual fail verification now; those not quarantined yet wait for a person.',
      },
    },
  },
  sweep: {
    description: 'Restarts dead operations, reminds reviewers, and what else waits for its time',
    entry: 'functions/promote/sweep-handler.ts',
    timeoutSeconds: 60,
    memoryMiB: 1024,
    sends: ['reconcile', 'create', 'compose'],
    schedule: everyMinute,
    grants: {
      table: 'write',
      links: 'make',
      executions: ['start', 'describe', 'answer'],
      outside: ['mail'],
      publicUrl: true,
    },
  },
  compose: {
    description: 'Makes the composition of a template',
    entry: 'functions/compose/handler.ts',
    timeoutSeconds: 300,
    memoryMiB: 1769,
    queue: {
      version: 1,
      message: composeMessage,
      batchSize: 1,
      concurrency: 10,
      oldestMinutes: 60,
    },
    sends: ['reconcile'],
    grants: {
      table: 'write',
      objects: {
        // Compositions: which versions the last resolution found.
        read: ['file-indexes', 'artifacts', 'compositions'],
        write: ['images', 'compositions'],
      },
      // Updates of other accounts' modules are proposed as operations.
      executions: ['start', 'answer'],
    },
    alarms: {
      CompositionsRefused: {
        metric: 'CompositionsRefused',
        description: 'A template cannot be composed now; its previous composition stays.',
      },
    },
  },
  reconcile: {
    description: 'Signs the desired state of instances',
    entry: 'functions/reconcile/handler.ts',
    timeoutSeconds: 120,
    memoryMiB: 1024,
    queue: {
      version: 1,
      message: reconcileMessage,
      batchSize: 5,
      concurrency: 10,
      oldestMinutes: 60,
    },
    grants: {
      table: 'write',
      objects: { read: ['compositions', 'artifacts'], write: ['desired-states'] },
      trustRoot: 'read',
      directorKeys: ['sign'],
    },
  },
  collect: {
    description: 'Deletes objects that no row names',
    entry: 'functions/collect/handler.ts',
    // 100,000 objects take some minutes; the next delivery continues where this one stopped.
    timeoutSeconds: 900,
    memoryMiB: 1024,
    queue: { version: 1, message: collectMessage, batchSize: 1, concurrency: 2 },
    sends: ['collect'],
    schedule: everyDay,
    grants: {
      table: 'read',
      objects: { read: ['compositions'] },
      collect: [
        'images',
        'compositions',
        'artifacts',
        'file-indexes',
        'stored-signatures',
        'documents',
      ],
    },
  },
  create: {
    description: 'Makes accounts whose first attempt failed',
    entry: 'functions/create/handler.ts',
    timeoutSeconds: 60,
    memoryMiB: 1024,
    queue: { version: 1, message: createMessage, batchSize: 1, concurrency: 2 },
    grants: {
      table: 'write',
      objects: { read: ['roots'], write: ['roots'] },
      directorKeys: ['make', 'sign'],
    },
    alarms: {
      AccountsFailed: {
        metric: 'AccountsFailed',
        description: 'An account could not be created for a day and is not tried again.',
      },
    },
  },
  watch: {
    description: 'Warns of what waits for a person',
    entry: 'functions/watch/handler.ts',
    timeoutSeconds: 300,
    memoryMiB: 1024,
    queue: { version: 1, message: watchMessage, batchSize: 1, concurrency: 5 },
    sends: ['watch'],
    schedule: everyQuarterOfAnHour,
    grants: { table: 'write', outside: ['mail'] },
    alarms: {
      WorkBlocked: {
        metric: 'WorkBlocked',
        description: 'For an hour, no poll, no composition or no desired state succeeded.',
      },
    },
  },
  events: {
    description: 'Sends stored events to the bus',
    entry: 'functions/events/handler.ts',
    timeoutSeconds: 60,
    memoryMiB: 1024,
    alarms: {
      CredentialsReused: {
        metric: 'CredentialsReused',
        description: "A machine's credential was used from two places and is revoked.",
      },
    },
  },
  api: {
    description: 'HTTP API, pages and MCP',
    entry: 'functions/api/handler.ts',
    // API Gateway gives up after 30 s.
    timeoutSeconds: 29,
    memoryMiB: 1024,
    sends: ['poll', 'verify', 'reverify', 'compose', 'reconcile'],
    grants: {
      table: 'write',
      objects: {
        // The objects that it reads itself, and those that it presigns for agents.
        read: [
          'artifacts',
          'stored-signatures',
          'documents',
          'file-indexes',
          'images',
          'compositions',
          'desired-states',
          'roots',
        ],
        write: ['roots'],
      },
      // To say which versions a change of trust would quarantine.
      trustRoot: 'read',
      directorKeys: ['make', 'sign'],
      links: 'check',
      executions: ['start', 'answer'],
      outside: ['hosts', 'mail'],
      secrets: 'write',
      publicUrl: true,
    },
  },
});

export type StageName = keyof typeof stages;

export const stageNames = Object.keys(stages) as StageName[];

/**
 * The namespace of every metric; alarms and dashboards of other deployments in the same AWS account
 * share it.
 */
export const metricNamespace = 'Gantry';

/**
 * The dimensions of a stage's metrics: two deployments of one AWS account must not raise each
 * other's alarms.
 */
export function metricDimensions(stage: string, deployment: string) {
  return { service: stage, deployment };
}

/** What every stage counts of rows that it cannot read, under one name for one alarm. */
export const skippedRows = { service: 'store', metric: 'RowsSkipped' } as const;
