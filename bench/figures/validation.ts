/** What the validation of a release adds to the boot of its agent: the template, in the sandbox, with all stages. */
import { join } from 'node:path';
import { webCommand } from '../../src/platforms/local/procfile';
import { evaluateFolder, validateFolder } from '../../src/releases/pipeline';
import { median, type Figure } from '../figure';
import { cpuMsOf } from '../support/proc';

const WARM_UP = 2;
const ROUNDS = 11;

export const validation: Figure = {
  id: 'validation',
  measure: async (bench) => {
    const folder = join(__dirname, '..', '..', 'agents', '_template');
    const agent = { folder, command: await webCommand(folder) };
    const samples: Sample[] = [];
    for (let n = 0; n < WARM_UP + ROUNDS; n += 1) {
      const sample = await round(agent);
      bench.log(`${sample.ms.toFixed(0)} ms beside a boot of ${sample.bootMs.toFixed(0)} ms`);
      if (n >= WARM_UP) samples.push(sample);
    }
    const middle = (of: keyof Sample) => median(samples.map((s) => s[of]));
    const goal = { kind: 'at-most', value: 1_000 } as const;
    return [
      ...[{ id: 'validation', name: 'all stages, besides the boot', value: middle('ms'), unit: 'ms', goal }],
      { id: 'validation-boot', name: 'the boot in the sandbox', value: middle('bootMs'), unit: 'ms' },
      {
        id: 'validation-cpu',
        name: 'its processor time, all processes, boot included',
        value: middle('cpuMs'),
        unit: 'ms',
      },
    ];
  },
};

interface Sample {
  ms: number;
  bootMs: number;
  cpuMs: number;
}

async function round(agent: { folder: string; command: string }): Promise<Sample> {
  const cpuBefore = await cpuMsOf(process.pid);
  const begun = performance.now();
  const stages = await validateFolder({
    ...{ ...agent, agentId: 'template', uses: [], others: new Map(), allChecks: false },
  });
  const evals = await evaluateFolder({ ...agent, manifest: { models: [] }, llm: 'replay' });
  const all = performance.now() - begun;
  const failed = stages.find((s) => s.verdict !== 'pass');
  if (failed) throw new Error(`${failed.stage} of the template: ${failed.reason}`);
  if (evals.verdict !== 'inconclusive') throw new Error('the template has no evals');
  const bootMs = stages.find((s) => s.stage === 'resources')?.profile?.bootMs ?? 0;
  return { ms: all - bootMs, bootMs, cpuMs: (await cpuMsOf(process.pid)) - cpuBefore };
}
