export {
  type CompositionRecord,
  objectsOf,
  readRecord,
  recordInPlace,
} from './composition-record.ts';
export { type InstanceFile, instanceFilesOf, readInstanceFiles } from './rendered-files.ts';
