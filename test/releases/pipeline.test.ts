/** Agents in the sandbox: a good one passes, each defective one is found out, and nothing of any is left. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Profile } from '../../src/domain/release/profile';
import { validateFolder } from '../../src/releases/pipeline';
import { confinement, DEFAULT_LIMITS } from '../../src/releases/sandbox/confine';
import { agentEnvironment } from '../../src/releases/sandbox/environment';
import { visitInSandbox } from '../../src/releases/sandbox/run';
import { machineName, type VisitReport } from '../../src/releases/sandbox/visit';
import { sandboxStage, type StageReport } from '../../src/releases/stages';
import { temporaryFolder } from '../support/folders';
import { until } from '../support/until';
import { writeAgent, type AgentFiles } from './support/agents';

/** Where a machine permits no network of its own, what needs one cannot be told: the verdict says so. */
const isCut = confinement(true).gaps.length === 0;

describe('an agent in the sandbox', () => {
  let root: string;
  let remove: () => Promise<void>;
  let n = 0;
  beforeAll(async () => ({ path: root, remove } = await temporaryFolder()));
  afterAll(() => remove());

  const validate = async (agent: AgentFiles = {}, incumbent?: Profile) => {
    const stages = await validateFolder({
      ...writeAgent(root, `agent-${(n += 1)}`, agent),
      ...{ agentId: 'a', uses: [], others: new Map(), allChecks: false },
      ...(incumbent && { incumbent }),
    });
    return Object.fromEntries(stages.map((s) => [s.stage, s])) as Record<string, StageReport>;
  };

  it('passes when it is good, with what it uses measured', async () => {
    const { sandbox, contract, resources } = await validate();
    expect(sandbox?.reason).toMatch(isCut ? /^booted in \d+ ms, cut off; 1\d required checks/ : /network/);
    expect(sandbox?.verdict).toBe(isCut ? 'pass' : 'inconclusive');
    const { check, timings } = sandbox?.report as unknown as Required<Pick<VisitReport, 'check' | 'timings'>>;
    expect(sandboxStage({ check, timings }, ['its network is not cut off: do this'])).toMatchObject({
      ...{ verdict: 'inconclusive', reason: 'its network is not cut off: do this' },
    });
    expect(contract?.verdict).toBe('pass');
    expect(resources?.verdict).toBe('pass');
    const { bootMs = 0, cpuMs = 0, peakRssBytes = 0 } = resources?.profile ?? {};
    expect(bootMs).toBeGreaterThan(10);
    expect(cpuMs).toBeGreaterThan(0);
    expect(peakRssBytes).toBeGreaterThan(20_000_000);
  });

  it.each<[string, AgentFiles, RegExp]>([
    [
      'ends at once',
      { first: "console.log('no config'); process.exit(3);" },
      /^it did not boot: it ended: no config$/,
    ],
    [
      'is not there',
      { procfile: 'web: node nothing.js\n' },
      /^it did not boot: it ended: .*Cannot find module/s,
    ],
    [
      'throws when it has work',
      {
        first: "process.on('exit', () => {});",
        job: "setTimeout(() => { throw new Error('oops'); }); return {};",
      },
      /survives: saw/,
    ],
    ['fails at what it can do', { job: "throw new Error('no way');" }, /success: saw status error: no way/],
    [
      'takes more memory than it may',
      { first: 'const all = []; for (let i = 0; i < 3000; i++) all.push(Buffer.alloc(1e6, 1));' },
      /^it did not boot: it ended/,
    ],
    [
      'sends its result with another id',
      {
        job: 'const r = {}; return r;',
        first:
          'const real = globalThis.fetch; globalThis.fetch = (u, o) => real(u, { ...o, body: o.body.replace(/"runId":"[^"]+"/, \'"runId":"x"\') });',
      },
      /result-ids|result: saw/,
    ],
    [
      'needs a service outside',
      { job: "if (!(await fetch('http://192.0.2.1/')).ok) throw new Error('no service'); return {};" },
      /success: saw status error/,
    ],
  ])('fails when it %s', async (_what, agent, reason) => {
    const { sandbox } = await validate(agent);
    expect(sandbox?.verdict).toBe('fail');
    expect(sandbox?.reason).toMatch(reason);
  });

  it('gets an environment of its own: what its example documents, and none of ours', async () => {
    const seen = join(root, 'seen.json');
    process.env['VALIDATION_CANARY'] = 'canary-of-the-author';
    process.env['API_TOKEN'] = 'canary-token-of-the-author';
    try {
      await validate({
        first: `require('node:fs').writeFileSync(${JSON.stringify(seen)}, JSON.stringify(process.env));`,
        files: {
          'agent.check.json': JSON.stringify({ quick: {}, wrong: { name: 5 }, env: { MORE: 'given' } }),
        },
      });
    } finally {
      delete process.env['VALIDATION_CANARY'];
      delete process.env['API_TOKEN'];
    }
    const env = JSON.parse(readFileSync(seen, 'utf8')) as Record<string, string>;
    expect(JSON.stringify(env)).not.toContain('canary');
    expect(env).toMatchObject({ LANGUAGE: 'en', MORE: 'given', LLM_MODE: 'fake' });
    expect(env['API_TOKEN']).toMatch(/^sandbox-[0-9a-f]{48}$/);
  });

  it('takes keys along only where models are really asked, and says which are secret', async () => {
    const { folder } = writeAgent(root, 'keys');
    const from = { API_TOKEN: 'real-token-0123456789', OTHER: 'x', PATH: '/bin' };
    const of = (llm: 'live' | 'replay') => agentEnvironment({ folder, llm, recordings: 'r', from });
    expect(await of('live')).toMatchObject({ env: { API_TOKEN: from.API_TOKEN }, secrets: [from.API_TOKEN] });
    expect((await of('live')).env).not.toHaveProperty('OTHER');
    expect(JSON.stringify(await of('replay'))).not.toContain(from.API_TOKEN);
  });

  (isCut ? it : it.failing)('reaches nothing on this machine either', async () => {
    const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    let calls = 0;
    server.on('connection', () => (calls += 1));
    const { port } = server.address() as AddressInfo;
    try {
      const { sandbox } = await validate({
        job: `await fetch('http://127.0.0.1:${port}/').catch(() => undefined); return {};`,
      });
      expect(sandbox?.verdict).toBe('pass');
      expect(calls).toBe(0);
    } finally {
      server.close();
      await once(server, 'close');
    }
  });

  it('leaves nothing behind, also what went its own way', async () => {
    const pidFile = join(root, 'daemon.pid');
    const child = `const c = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
      require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(c.pid)); c.unref();`;
    await validate({ first: child });
    const pid = Number(readFileSync(pidFile, 'utf8'));
    // It may be dead and not yet collected: then it has no environment any more.
    const gone = () => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/cmdline`, 'utf8') === '';
    await until(async () => gone(), { what: 'the end of what the agent started' });
  });

  it('is given up at its deadline, and is gone then', async () => {
    const agent = writeAgent(root, 'stuck', { first: "process.on('SIGTERM', () => {}); while (true);" });
    const { env } = await agentEnvironment({
      folder: agent.folder,
      llm: 'fake',
      recordings: 'r',
      from: process.env,
    });
    const wish = { ...agent, env, boots: 1, confinement: confinement(true), limits: DEFAULT_LIMITS };
    const inputs = { inputs: {}, all: false };
    const report = await visitInSandbox({ ...wish, check: inputs, deadlineMs: 20_000, bootDeadlineMs: 500 });
    expect(report.notBooted).toMatch(/did not answer GET \/health with 200 within 500 ms/);
    await expect(visitInSandbox({ ...wish, check: inputs, deadlineMs: 700 })).rejects.toThrow(
      'the sandbox was not done within 700 ms',
    );
  });

  it('is measured once more before it is said to take too much', async () => {
    const incumbent = { bootMs: 1, cpuMs: 1, peakRssBytes: 1_000_000, machine: machineName() };
    const { resources } = await validate({ first: 'globalThis.kept = Buffer.alloc(60e6, 1);' }, incumbent);
    expect(resources).toMatchObject({ verdict: 'fail' });
    expect(resources?.reason).toMatch(/MB of memory after 1 MB of memory \(tolerance 25 %\)$/);
  });
});
