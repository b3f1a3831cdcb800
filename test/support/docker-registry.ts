export {
  basicCredentials,
  type DockerRegistry,
  dockerRegistryProgram,
  freePort,
  startDockerRegistry,
} from '../../scripts/docker-registry.ts';
export { loadLayout, overwriteBlob } from '../../scripts/oci-layout.ts';
