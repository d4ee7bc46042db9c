/** `reveille new agent`: the agent passes its own tests and the contract check unedited. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkAgent, readInputs } from '../../src/agent-check';
import { agentVariables, loadRegistry } from '../../src/registry';
import { startAgent } from '../agents/agents';
import {
  ROOT,
  BUILT,
  LONG_MS,
  SECRET,
  repository,
  processes,
  run,
  reveille,
  read,
  declared,
  MADE,
} from './new-agent-support';

describe.each(MADE)('a new agent in $lang', ({ lang, id, files, test: [command, ...args], passed }) => {
  const agent = () => join(repository, 'agents', id);

  it('is made, with what to do next', async () => {
    const { code, output } = await reveille([id, '--lang', lang]);
    expect({ code, output }).toMatchObject({ code: 0 });
    const next = output.split('Next:\n')[1]?.split('\n\n')[0]?.split('\n') ?? [];
    expect(next).toHaveLength(3);
    expect(next[1]).toMatch(new RegExp(`^  npx reveille agent dev agents/${id} --port \\d+$`));
    const there = await readdir(agent(), { recursive: true });
    expect(there).toEqual(expect.arrayContaining(files));
    expect(there.filter((path) => BUILT.test(path) || path.endsWith('.env'))).toEqual([]);
    expect(there.join('\n')).not.toContain('hello');
  });

  it('is named everywhere, and nowhere as the template', async () => {
    const readme = await read(`agents/${id}/README.md`);
    expect(readme).toMatch(new RegExp(`^# ${id}\n`));
    expect(readme).toContain('## What does it not do?');
    for (const path of await readdir(agent(), { recursive: true })) {
      if (/\.(?:md|ts|json|toml|py|mjs)$/.test(path) && !/^(?:AGENTS\.md|scaffold\/|src\/llm\/)/.test(path))
        expect([path, await read(`agents/${id}/${path}`)]).toEqual([
          path,
          expect.not.stringMatching(/agent-template|jobs[./]hello|# Agent template/),
        ]);
    }
  });

  it('has the scaffold to the byte', async () => {
    const { code, output } = await run(process.execPath, ['scripts/scaffold-sync.mjs', '--check']);
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/the same in [34] agents/) as string,
    });
  });

  it('is as prettier and the repository would have it', async () => {
    const changed = [`agents/${id}`, 'src/registry/index.ts'];
    const options = ['--config', join(ROOT, '.prettierrc.json'), '--ignore-path', join(ROOT, '.gitignore')];
    const { code, output } = await run(join(ROOT, 'node_modules/.bin/prettier'), [
      '--check',
      ...options,
      ...changed,
    ]);
    expect({ code, output }).toMatchObject({ code: 0 });
  });

  it(
    'passes its own tests, unedited',
    async () => {
      const { code, output } = await run(command, args, agent());
      expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(passed) as string });
    },
    LONG_MS,
  );

  it(
    'holds to the contract, unedited',
    async () => {
      const started = await startAgent(processes, agent(), { AGENT_SECRET: SECRET });
      expect((await started.get('/health')).body).toMatchObject({ agentId: id, version: '0.1.0' });
      const report = await checkAgent({
        url: started.url,
        inputs: await readInputs(agent()),
        secret: SECRET,
        limits: { jobMs: 60_000, graceMs: 20_000, idleMs: 20_000, finalMs: 2_000 },
      });
      await started.process.stop();
      expect(report.checks.filter(({ outcome }) => outcome.kind !== 'pass')).toEqual([]);
      expect(report.complete).toBe(true);
    },
    LONG_MS,
  );

  it('is in the registry, with the variables that are documented', async () => {
    const { input, env } = await declared();
    const loaded = loadRegistry(input, env);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const { capsuleId, baseUrl } = loaded.registry.agent(id);
    const variables = agentVariables(id);
    expect(Object.keys(env)).toEqual(expect.arrayContaining(Object.values(variables)));
    expect({ capsuleId, baseUrl }).toEqual({
      capsuleId: env[variables.capsuleId],
      baseUrl: env[variables.baseUrl],
    });
    const ports = loaded.registry.agents.map((each) => each.baseUrl);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('is not made twice', async () => {
    const before = await read('src/registry/index.ts');
    const { code, output } = await reveille([id, '--lang', lang]);
    expect(code).toBe(2);
    expect(output).toMatch(new RegExp(`There is an agent ${id} already\\.\n +Call it ${id}-2, for instance`));
    expect(await read('src/registry/index.ts')).toBe(before);
  });
});
