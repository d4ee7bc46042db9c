/** What an agent's start costs: boot time is billed, and memory decides what a capsule needs. The templates, as deployed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { webCommand } from '../../src/platforms/local/procfile';
import { withDeadline } from '../../test/support/deadline';
import { median, type Bench, type Figure } from '../figure';
import { cpuMsOf, residentMb } from '../support/proc';

const WARM_UP = 3;
const STARTS = 21;
/** The job's code is loaded after the agent listens; it is part of an idle agent's memory. */
const IDLE_MS = 1_000;
const LISTEN_DEADLINE_MS = 20_000;
const STARTS_OF_EACH = 3;
const AGENTS = join(__dirname, '..', '..', 'agents');

export const bootOfTypeScript = agentBoot('agent-boot-ts', '_template', 350, {
  id: 'agent-rss-ts',
  goalMb: 60,
});
export const bootOfPython = agentBoot('agent-boot-python', '_template-python', 250);

/** Every agent in TypeScript: what one's job needs it may not load before there is a job. */
export const idleOfAgents: Figure = {
  id: 'agents-idle',
  measure: async (bench) => {
    const idle: { name: string; mb: number }[] = [];
    for (const name of readdirSync(AGENTS)) {
      const folder = join(AGENTS, name);
      if (!existsSync(join(folder, 'src/runner.ts'))) continue;
      const command = await webCommand(folder);
      const starts: number[] = [];
      for (let i = 0; i < STARTS_OF_EACH; i += 1)
        starts.push((await oneStart(bench, folder, command)).idleMb);
      idle.push({ name, mb: median(starts) });
      bench.log(`${name} is idle with ${median(starts).toFixed(1)} MB`);
    }
    const largest = idle.reduce((most, one) => (one.mb > most.mb ? one : most), { name: 'none', mb: 0 });
    const name = `resident memory of the largest idle agent (${largest.name})`;
    return [{ id: 'agents-idle', name, value: largest.mb, unit: 'MB', goal: { kind: 'at-most', value: 60 } }];
  },
};

/** @param memory the goal for its resident memory when it is idle, and that figure's id */
function agentBoot(
  id: string,
  name: string,
  goalMs: number,
  memory?: { id: string; goalMb: number },
): Figure {
  return {
    id,
    measure: async (bench) => {
      const folder = join(AGENTS, name);
      const command = await webCommand(folder);
      const samples: Sample[] = [];
      for (let i = 0; i < WARM_UP + STARTS; i += 1) {
        const sample = await oneStart(bench, folder, command);
        bench.log(`listening after ${sample.bootMs.toFixed(0)} ms, idle with ${sample.idleMb.toFixed(1)} MB`);
        if (i >= WARM_UP) samples.push(sample);
      }
      const middle = (of: keyof Sample): number => median(samples.map((sample) => sample[of]));
      const what = `agents/${name}`;
      const goal = (value: number) => ({ goal: { kind: 'at-most', value } as const });
      const memoryId = memory?.id ?? `${id}-memory`;
      return [
        { id, name: `${what}: start to listening`, value: middle('bootMs'), unit: 'ms', ...goal(goalMs) },
        { id: `${id}-cpu`, name: `${what}: CPU until then`, value: middle('cpuMs'), unit: 'ms' },
        {
          id: memoryId,
          name: `${what}: resident memory when idle`,
          value: middle('idleMb'),
          unit: 'MB',
          ...(memory && goal(memory.goalMb)),
        },
      ];
    },
  };
}

interface Sample {
  bootMs: number;
  /** In ticks of 10 ms; other load on the machine hardly changes it. */
  cpuMs: number;
  idleMb: number;
}

/** From the start of the process to its line that says "listening", which is written once it accepts connections. */
async function oneStart({ cleanup }: Bench, folder: string, command: string): Promise<Sample> {
  const startedAt = performance.now();
  // In place of the shell, so that the process measured is the agent's.
  const child = spawn('sh', ['-c', `exec ${command}`], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  cleanup.add(child, end);
  const first = once(child.stdout, 'data') as Promise<[Buffer]>;
  const [line] = await withDeadline(first, LISTEN_DEADLINE_MS, () => `${folder} does not listen`);
  const bootMs = performance.now() - startedAt;
  const cpuMs = await cpuMsOf(child.pid as number);
  if (!line.includes('listening')) throw new Error(`${folder} said: ${line.toString()}`);
  await delay(IDLE_MS);
  const idleMb = await residentMb(child.pid as number);
  await end();
  return { bootMs, cpuMs, idleMb };
}
