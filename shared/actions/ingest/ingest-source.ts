import type { Module } from '../../domain/modules/index.ts';
import type { RegistryClient } from '../../registry/index.ts';
import type { Services } from '../context/index.ts';

/** Where an ingest reads, and for which module. */
export interface IngestSource<Fields extends keyof Module = keyof Module> {
  services: Services;
  module: Pick<Module, Fields>;
  client: RegistryClient;
  /** Path of the module's repository at its registry's host. */
  repository: string;
}
