/**
 * What prewarming is worth, with real processes on the local platform: how late scheduled work reaches its
 * agent although a boot takes seconds, what being early costs, and how much longer a pipeline takes than its jobs.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Orchestrator } from '../../src/compose';
import type { Shift } from '../../src/domain/capsule';
import { createLocalPlatform } from '../../src/platforms/local';
import type { RegistryInput } from '../../src/registry';
import { freePort } from '../../test/support/ports';
import { until } from '../../test/support/until';
import { median, type Bench, type Figure } from '../figure';
import { startOrchestrator } from '../support/compose';
import { startPostgres } from '../support/services';

const AGENT = join(__dirname, '..', '..', 'test', 'e2e', 'support', 'agent');
const MINUTE_MS = 60_000;

/** Scheduled work: the finest schedule is one a minute, so several workflows share each round. */
const SCHEDULED = 4;
const ROUNDS = 3;
const SCHEDULED_BOOT_MS = 5_000;
const SCHEDULED_WORK_MS = 2_000;

const STEPS = 10;
const STEP_BOOT_MS = 2_000;
const STEP_WORK_MS = 2_000;
const PIPELINE_DEADLINE_MS = 120_000;

interface Setup {
  coldStartMs: number;
  ids: string[];
  workflows: RegistryInput['workflows'];
}

interface Installation {
  orchestrator: Orchestrator;
  /** When each job reached its agent, by run. */
  jobs: () => Promise<Map<string, number>>;
}

export const prewarmedSchedule: Figure = {
  id: 'prewarm-start',
  measure: async (bench) => {
    const ids = Array.from({ length: SCHEDULED }, (_, i) => `agent-${i + 1}`);
    const workflows = ids.map((id) => ({
      id,
      name: id,
      prewarm: 'schedule' as const,
      schedule: { cron: '* * * * *' },
      input: { act: { job: `slow:${SCHEDULED_WORK_MS}` } },
      steps: [{ id: 'job', agent: id }],
    }));
    const world = await install(bench, { coldStartMs: SCHEDULED_BOOT_MS, ids, workflows });
    const { store, engine } = world.orchestrator;
    // One boot each, to learn from.
    const taught = await Promise.all(ids.map((id) => engine.trigger(id, {}, { actor: 'bench' })));
    await allEnded(world.orchestrator, taught.map(idOf));
    const begin = Date.now();
    const since = (Math.floor(begin / MINUTE_MS) + (begin % MINUTE_MS > 40_000 ? 2 : 1)) * MINUTE_MS;
    const last = since + (ROUNDS - 1) * MINUTE_MS;
    bench.log(`${ROUNDS} rounds of ${SCHEDULED}, until ${new Date(last).toISOString()}`);
    const runs = async () =>
      (await Promise.all(ids.map((id) => store.ticks(id, 100))))
        .flat()
        .filter((t) => t.scheduledFor >= since && t.scheduledFor <= last);
    await until(async () => (await runs()).length === SCHEDULED * ROUNDS, waitFor(last - begin + MINUTE_MS));
    const ticks = await runs();
    await allEnded(
      world.orchestrator,
      ticks.flatMap((t) => t.runId ?? []),
    );
    const jobs = await world.jobs();
    const late = ticks.map((t) => (jobs.get(t.runId ?? '') ?? Infinity) - t.scheduledFor);
    const shifts = await closed(world.orchestrator, since - MINUTE_MS / 2, last);
    bench.log(
      `late by ${late.join(', ')} ms; ahead by ${shifts.map((s) => s.split?.prewarmMs).join(', ')} ms`,
    );
    const sum = (of: (s: Shift) => number) => shifts.reduce((total, s) => total + of(s), 0);
    const waste = sum((s) => s.split?.prewarmMs ?? 0) / sum((s) => (s.zeroAt ?? 0) - (s.acceptedAt ?? 0));
    return [
      {
        id: 'prewarm-start',
        name: 'scheduled work after its due time, 5 s boot, prewarmed',
        value: median(late),
        unit: 'ms',
        goal: { kind: 'at-most', value: 100 },
      },
      {
        id: 'prewarm-waste',
        name: 'awake ahead of that work, of all billed seconds',
        value: waste * 100,
        unit: '%',
        goal: { kind: 'at-most', value: 10 },
      },
    ];
  },
};

export const pipeline: Figure = {
  id: 'pipeline',
  measure: async (bench) => {
    const ids = Array.from({ length: STEPS }, (_, i) => `step-${i + 1}`);
    const workflow = {
      id: 'pipeline',
      name: 'Pipeline',
      prewarm: 'pipeline' as const,
      input: { act: Object.fromEntries(ids.map((id) => [id, `slow:${STEP_WORK_MS}`])) },
      steps: ids.map((id) => ({ id, agent: id })),
    };
    const world = await install(bench, { coldStartMs: STEP_BOOT_MS, ids, workflows: [workflow] });
    const run = async () => {
      const id = idOf(await world.orchestrator.engine.trigger('pipeline', {}, { actor: 'bench' }));
      await allEnded(world.orchestrator, [id]);
      const { finishedAt = NaN, createdAt = NaN } = (await world.orchestrator.store.run(id))?.state ?? {};
      await closed(world.orchestrator, createdAt, finishedAt);
      return finishedAt - createdAt;
    };
    bench.log(`cold, to learn from: ${await run()} ms`);
    const samples = [await run(), await run()];
    bench.log(`prewarmed: ${samples.join(', ')} ms`);
    const ideal = STEPS * STEP_WORK_MS + STEP_BOOT_MS;
    return [
      {
        id: 'pipeline',
        name: '10 steps of 2 s boot and 2 s job, beyond the jobs and one boot',
        value: (median(samples) / ideal - 1) * 100,
        unit: '%',
        goal: { kind: 'at-most', value: 15 },
      },
    ];
  },
};

async function install(bench: Bench, { coldStartMs, ids, workflows }: Setup): Promise<Installation> {
  const { cleanup } = bench;
  const postgres = await startPostgres(bench);
  const stateDir = cleanup.add(await mkdtemp(join(tmpdir(), 'reveille-bench-')), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const workLog = join(stateDir, 'work.log');
  const capsules = await Promise.all(
    ids.map(async (id) => {
      const env = { AGENT_ID: id, WORK_LOG: workLog };
      return { id, folder: AGENT, port: await freePort(), env, coldStartMs };
    }),
  );
  const platform = createLocalPlatform({ stateDir, capsules });
  cleanup.add(platform, (p) => p.stop());
  await platform.start();
  const agents = ids.map((id) => ({
    id,
    name: id,
    capsuleId: id,
    baseUrl: platform.baseUrl(id),
    lingerSeconds: 0,
  }));
  const settings = { platformUrl: platform.url, platformToken: platform.token };
  const databaseUrl = await postgres.create();
  const orchestrator = await startOrchestrator({ databaseUrl, ...settings }, { agents, workflows });
  cleanup.add(orchestrator, (o) => o.close());
  return { orchestrator, jobs: () => jobsIn(workLog) };
}

async function jobsIn(workLog: string): Promise<Map<string, number>> {
  const lines = (await readFile(workLog, 'utf8')).trim().split('\n');
  const work = lines.map((line) => JSON.parse(line) as { event: string; runId?: string; at: number });
  return new Map(work.flatMap((w) => (w.event === 'job' && w.runId ? [[w.runId, w.at] as const] : [])));
}

async function allEnded({ store }: Orchestrator, runIds: string[]): Promise<void> {
  for (const id of runIds) {
    const ended = async () => {
      const run = (await store.run(id))?.state;
      if (run?.finishedAt !== undefined && run.status !== 'succeeded')
        throw new Error(`run ${id} ${run.status}: ${run.error?.message ?? ''}`);
      return run?.finishedAt !== undefined;
    };
    await until(ended, waitFor(PIPELINE_DEADLINE_MS));
  }
}

/** The shifts that began within a time, once every capsule has been at zero after it. */
async function closed({ store }: Orchestrator, from: number, to: number): Promise<Shift[]> {
  const within = async () =>
    (await store.shifts({}, 500)).items.filter((s) => s.requestedAt >= from && s.requestedAt <= to);
  await until(async () => (await within()).every((s) => s.split), waitFor(MINUTE_MS));
  return within();
}

const waitFor = (deadlineMs: number) => ({ deadlineMs, what: 'a prewarm figure' });

function idOf(result: { kind: string; runId?: string }): string {
  if (result.kind !== 'created' || result.runId === undefined)
    throw new Error(`the run was not created: ${result.kind}`);
  return result.runId;
}
