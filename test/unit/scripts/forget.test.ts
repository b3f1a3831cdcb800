import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forgetDeployments } from '../../../scripts/forget.ts';

let parent = '';
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'forget-'));
  for (const name of ['dev/cloud', 'start/cloud', 'venv/bin', 'notes'])
    mkdirSync(join(parent, name), { recursive: true });
});
afterEach(() => rmSync(parent, { recursive: true }));

describe('a reset', () => {
  it('deletes the local deployments and nothing else', () => {
    forgetDeployments(parent);
    expect(readdirSync(parent).sort()).toEqual(['notes', 'venv']);
  });

  it('deletes nothing while one of them is running', () => {
    writeFileSync(join(parent, 'start/cloud/lock'), String(process.pid));
    expect(() => forgetDeployments(parent)).toThrow(expect.objectContaining({ code: 'conflict' }));
    expect(readdirSync(parent).sort()).toEqual(['dev', 'notes', 'start', 'venv']);
  });

  it('has nothing to do where there was no deployment', () => {
    expect(() => forgetDeployments(join(parent, 'missing'))).not.toThrow();
  });
});
