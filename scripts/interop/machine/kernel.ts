import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { copyTree, debianTree } from '../../machine/debian-tree.ts';
import { makePackages } from '../../package/make-packages.ts';
import { run } from '../../run.ts';

/** What a boot loader reads. */
export interface Kernel {
  kernel: string;
  initrd: string;
}

/** Debian's kernel, what makes an initramfs of it, and what the packages of Gantry depend on. */
const packages = [
  ...['linux-image-cloud-amd64', 'initramfs-tools', 'zstd'],
  ...['ca-certificates', 'libnss-systemd', 'libstdc++6'],
];

/**
 * Makes an initramfs for Debian's kernel, as the documentation says: initramfs-tools with the
 * hook of the package `gantry-agent`.
 */
export async function makeKernel(work: string): Promise<Kernel> {
  const tree = join(work, 'build-host');
  await copyTree(await debianTree({ suite: 'trixie', packages }), tree);

  const debs = join(work, 'debs');
  await makePackages({ out: debs, architectures: ['amd64'], revision: 1 });
  await cp(debs, join(tree, 'debs'), { recursive: true });
  const build = 'dpkg --install /debs/*.deb && update-initramfs -u -k all';
  await run('chroot', [tree, 'sh', '-c', build]);

  const boot = join(tree, 'boot');
  const names = await readdir(boot);
  const find = (prefix: string) => join(boot, names.find((name) => name.startsWith(prefix)) ?? '');
  return { kernel: find('vmlinuz-'), initrd: find('initrd.img-') };
}
