import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createMetrics as coreMetrics } from '../core/platform/telemetry/metrics.ts';
import { createSupervisorMetrics, createMetrics as edgeMetrics } from '../edge/telemetry/metrics.ts';
import { createMetrics as realtimeMetrics } from '../realtime/metrics.ts';
import { compatibilityDate, compatibilityFlags } from '../scripts/workerd.ts';

const here = import.meta.dirname;
const root = join(here, '..');
const bin = (path: string): string => join(root, 'node_modules', path);
const read = (path: string): Promise<string> => readFile(join(here, path), 'utf8');
const exec = promisify(execFile);

/** Whether a program is on this machine; where CI needs it, its absence is a failure. */
async function has(program: string): Promise<boolean> {
  try {
    await exec('which', [program]);
    return true;
  } catch {
    if (process.env['CI'] === 'true') throw new Error(`${program} is missing, and CI needs it`);
    return false;
  }
}

async function declaredMetrics(): Promise<Set<string>> {
  const core = coreMetrics({ part: 'test' });
  core.watchConnections(() => ({ open: 0, idle: 0, waiting: 0 }));
  const edge = edgeMetrics();
  edge.watchCacheBytes(() => 0);
  const supervisor = createSupervisorMetrics();
  supervisor.watchWorkers(() => 0);
  const registries: Registry[] = [core, edge, supervisor, realtimeMetrics()].map(({ registry }) => registry);
  const names = (await Promise.all(registries.map((registry) => registry.getMetricsAsJSON())))
    .flat()
    .map(({ name }) => name);
  return new Set(names);
}

describe('what is deployed', () => {
  it.each(['grafana/dashboards/lotok.json', 'prometheus/alerts.yml'])(
    '%s asks only for metrics that exist',
    async (file) => {
      const declared = await declaredMetrics();
      const asked = new Set(
        [...(await read(file)).matchAll(/\b(lotok_[a-z_]+)/g)].map(([, name]) =>
          String(name).replace(/_(bucket|sum|count)$/, ''),
        ),
      );
      expect(asked.size).toBeGreaterThan(5);
      expect([...asked].filter((name) => !declared.has(name))).toEqual([]);
    },
  );

  it('builds each container from files that are there, and runs none as root', async () => {
    const compose = parse(await read('compose.yaml'), { merge: true }) as {
      services: Record<string, { build?: { dockerfile: string } }>;
    };
    const built = Object.values(compose.services).flatMap(({ build }) => (build ? [build.dockerfile] : []));
    const all = (await readdir(join(here, 'containers'))).map((file) => `deploy/containers/${file}`);
    expect(built).toHaveLength(3);
    expect(all).toEqual(expect.arrayContaining(built));
    for (const dockerfile of all) {
      const text = await readFile(join(here, '..', dockerfile), 'utf8');
      expect(text).toMatch(/^USER (node|deno)$/m);
      for (const [, source] of text.matchAll(/^COPY (?!--from)(\S+) /gm))
        await readFile(join(here, '..', String(source), '.')).catch((error: NodeJS.ErrnoException) =>
          expect(error.code).toMatch(/EISDIR|ENOTDIR/),
        );
    }
  });

  it('has a configuration of Caddy that Caddy takes', async (test) => {
    if (!(await has('caddy'))) return test.skip('caddy is not installed');
    const { stdout } = await exec('caddy', ['validate', '--config', join(here, 'caddy/caddy.json')], {
      env: { ...process.env, XDG_DATA_HOME: '/tmp', SITE: 'localhost', UPSTREAM: '127.0.0.1:8080' },
    });
    expect(stdout).toContain('Valid configuration');
  });

  it('has rules that Prometheus takes', async (test) => {
    if (!(await has('promtool'))) return test.skip('promtool is not installed');
    const { stdout } = await exec('promtool', [
      'check',
      'config',
      '--syntax-only',
      join(here, 'prometheus/prometheus.yml'),
    ]);
    expect(stdout).toContain('SUCCESS');
    const rules = await exec('promtool', ['check', 'rules', join(here, 'prometheus/alerts.yml')]);
    expect(rules.stdout).toContain('SUCCESS');
  });

  it('has a Worker that Cloudflare’s own tool packs, below the size of the free plan', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lotok-worker-'));
    try {
      const { stdout } = await exec(
        process.execPath,
        [
          bin('wrangler/bin/wrangler.js'),
          'deploy',
          '--dry-run',
          '--config',
          'deploy/cloudflare/wrangler.jsonc',
          '--outdir',
          folder,
        ],
        { cwd: root, env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false' } },
      );
      expect(stdout).toContain('env.STREAM_HUB (StreamHub)');
      const kibibytes = Number(/gzip: ([\d.]+) KiB/.exec(stdout)?.[1]);
      expect(kibibytes).toBeLessThan(1024);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('runs on Cloudflare with what it is tried with on workerd', async () => {
    const text = await read('cloudflare/wrangler.jsonc');
    const wrangler = JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, ''));
    expect(wrangler).toMatchObject({
      compatibility_date: compatibilityDate,
      compatibility_flags: compatibilityFlags,
    });
  });

  it('gives Deno the same rights in its container as on a developer’s machine', async () => {
    const { tasks } = JSON.parse(await readFile(join(root, 'deno.json'), 'utf8')) as {
      tasks: Record<string, { command: string }>;
    };
    const rights = (text = ''): string[] =>
      text.match(/--(no-prompt|unstable|allow)[\w=,-]*|edge\/deno[\w-]*\.ts/g) ?? [];
    const container = /^ENTRYPOINT .*$/m.exec(await read('containers/edge-deno.Dockerfile'))?.[0];
    expect(rights(container)).toEqual(rights(tasks['edge:parallel']?.command));
    expect(rights(container)).toContain('edge/deno-serve.ts');
  });

  it('has an entry for Deno Deploy that Deno takes, types and all', async () => {
    const { deploy } = JSON.parse(await readFile(join(root, 'deno.json'), 'utf8')) as {
      deploy: { runtime: { entrypoint: string } };
    };
    const entries = [deploy.runtime.entrypoint, 'edge/deno-serve.ts'];
    await exec(bin('.bin/deno'), ['check', '--quiet', ...entries], { cwd: root });
    // The compiler looks at all packages; beside other tests that takes its time.
  }, 180_000);
});
