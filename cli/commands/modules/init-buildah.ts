import { isMap, isSeq, parseDocument } from 'yaml';

/** Where build-module of the image expects the repository. */
const mount = '/work';

/**
 * Root, because a build with packages makes namespaces and mounts. The image may have tools of the
 * author's own, which its Containerfile adds.
 */
const steps = [
  {
    name: 'Build the image of the Containerfile',
    run: 'sudo buildah build --isolation chroot --layers --tag module-builder .',
  },
  {
    name: 'Build',
    run: `mkdir -p dist
builder=$(sudo buildah from --cap-add=all module-builder)
sudo buildah run --isolation chroot --volume "$PWD:${mount}:ro" --volume "$PWD/dist:${mount}/dist" \\
  "$builder" -- /usr/local/bin/build-module
`,
  },
];

/**
 * Changes the workflow of the template: its first job runs on the runner itself, where buildah
 * makes an image of the Containerfile and runs it. The second job stays as it is.
 */
export function buildWithBuildah(workflow: string): string {
  const document = parseDocument(workflow);
  document.deleteIn(['jobs', 'build', 'container']);

  const old = document.getIn(['jobs', 'build', 'steps']);
  if (!isSeq(old)) throw new Error('expected steps in the job "build" of the template');
  const commands = old.items.filter((step) => isMap(step) && step.has('run'));
  old.items.splice(1, commands.length, ...steps.map((step) => document.createNode(step)));

  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}
