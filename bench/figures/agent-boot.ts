/** What an agent's start costs: boot time is billed, and memory decides what a capsule needs. The templates, as deployed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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

export const bootOfTypeScript = agentBoot('agent-boot-ts', '_template', 350, {
  id: 'agent-rss-ts',
  goalMb: 60,
});
export const bootOfPython = agentBoot('agent-boot-python', '_template-python', 250);

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
      const folder = join(__dirname, '..', '..', 'agents', name);
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
