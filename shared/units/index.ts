export { generateLayer } from './generate.ts';
export {
  type GeneratedLayer,
  type GeneratedProbe,
  type MachineManifest,
  type ReadContent,
  type UnitInput,
  type UnitLayer,
  unitLayers,
} from './input.ts';
export { isReserved } from './names.ts';
export { listNeededFiles } from './needed-files.ts';
export { listPrivileges } from './privileges.ts';
export { Root } from './root.ts';
