/**
 * How long `gantry composefs image --from-file` takes for generated dumps, whole process, and how much memory.
 *
 *     node bench/composefs.ts
 */
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const gantry = fileURLToPath(new URL('../bin/gantry', import.meta.url));
const sizes = [1_000, 10_000, 64_000];
const runs = 5;

/** A dump like that of a Linux userland: 100 files a directory, most of them in the store, all with an SELinux label. */
function generateDump(entries: number): string {
  const lines: string[] = [];
  const label = 'security.selinux=system_u:object_r:usr_t:s0\\x00';
  const add = (path: string, size: number, mode: string, rest: string) =>
    lines.push(
      `${path} ${size} ${mode} 1 0 0 0 ${1_700_000_000 + (lines.length % 1000)}.${lines.length} ${rest} ${label}`,
    );
  add('/', 4096, '40755', '- - -');
  for (let directory = 0; lines.length < entries; directory++) {
    const path = `/directory-${directory}`;
    add(path, 4096, '40755', '- - -');
    for (let file = 0; file < 99 && lines.length < entries; file++) {
      const name = `${path}/some-file-${file}.conf`;
      const digest = hash('sha256', name);
      if (file % 10 === 0) add(name, 10, '120777', '../target - -');
      else add(name, 1000 + file, '100644', `${digest.slice(0, 2)}/${digest.slice(2)} - ${digest}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Has the command itself say its peak memory when it ends. */
const reportRss = `process.on('exit', () => process.stderr.write(String(process.resourceUsage().maxRSS)))`;

function measure(dump: string, out: string): { ms: number; rssMiB: number } {
  const started = performance.now();
  const child = spawnSync(gantry, ['composefs', 'image', '--from-file', dump, out], {
    env: { ...process.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(reportRss)}` },
    encoding: 'utf8',
  });
  const ms = performance.now() - started;
  if (child.status !== 0) throw new Error(child.stderr);
  return { ms, rssMiB: Number(child.stderr.trim()) / 1024 };
}

const folder = mkdtempSync(join(tmpdir(), 'bench-composefs-'));
try {
  const rows = sizes.map((entries) => {
    const dump = join(folder, 'dump');
    writeFileSync(dump, generateDump(entries));
    const results = Array.from({ length: runs }, () => measure(dump, join(folder, 'image')));
    const fastest = Math.min(...results.map(({ ms }) => ms));
    const rss = Math.max(...results.map(({ rssMiB }) => rssMiB));
    return { entries, 'fastest ms': Math.round(fastest), 'peak RSS MiB': Math.round(rss) };
  });
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true });
}
