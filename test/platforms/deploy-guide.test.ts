/**
 * docs/deploy-code-capsules.md against the code: every command marked `sh run` is run, in order, against an
 * orchestrator, a local platform and the scaffold's agent, and shows what the page says it shows.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import type { Orchestrator } from '../../src/compose';
import { VARIABLES } from '../../src/config/variables';
import { openApiDocument } from '../../src/http/openapi';
import { PROBLEMS } from '../../src/http/problem-catalogue';
import { ROUTES } from '../../src/http/routes';
import { loadRegistry, type RegistryInput } from '../../src/registry';
import { World } from '../e2e/support/world';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';
import { startProcess, type TestProcess } from '../support/processes';
import { until } from '../support/until';

const ROOT = join(__dirname, '../..');
const TEMPLATE = join(ROOT, 'agents/_template');
const PAGE = readFileSync(join(ROOT, 'docs/deploy-code-capsules.md'), 'utf8');
const API_KEY = 'a-key-of-this-test-0123456789';
const AGENT_SECRET = 'a-secret-of-this-test-0123456789';
const COMMAND_TIMEOUT_MS = 50_000;

interface Step {
  command: string;
  /** Lines the output has to show; `…` stands for anything. */
  shows: string[];
}

const steps: Step[] = [...PAGE.matchAll(/```sh run\n([\s\S]*?)```\n(?:\n```text\n([\s\S]*?)```)?/g)].map(
  ([, command = '', shows = '']) => ({ command, shows: shows.trim().split('\n').filter(Boolean) }),
);
/** The page without the blocks of code that are run: what is merely said. */
const inline = [...PAGE.matchAll(/`([^`\n]+)`/g)].map(([, text]) => String(text));

function pattern(line: string): RegExp {
  const parts = line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('[^\\n]*?'));
}

describe('what the page names', () => {
  const env = (file: string) =>
    [...readFileSync(file, 'utf8').matchAll(/^(?:#\s+)?([A-Z][A-Z0-9_]{2,})/gm)].map(([, name]) =>
      String(name),
    );
  const mine = ['REVEILLE_URL', 'REVEILLE_API_KEY', 'AGENT_URL', 'NPM_CONFIG_INCLUDE', 'REVEILLE'];

  it('are variables that are read', () => {
    const known = [...Object.keys(VARIABLES), ...env(join(TEMPLATE, '.env.example')), ...mine];
    const named = inline.flatMap((text) => text.match(/\b[A-Z]+(?:_[A-Z0-9]+)+\b/g) ?? []);
    expect(named.length).toBeGreaterThan(30);
    const ofAgents = /^CC_(CAPSULE_ID|AGENT_URL|AGENT_SECRET)(_MY_NEW_AGENT)?$/;
    expect([...new Set(named)].filter((name) => !known.includes(name) && !ofAgents.test(name))).toEqual([]);
  });

  it('are routes that there are', () => {
    const { paths } = openApiDocument(ROUTES) as { paths: Record<string, object> };
    const api = Object.keys(paths).map((path) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`));
    const contract = [/^\/run$/, /^\/health$/, /^\/status$/, /^\/cancel$/];
    const platform = [/^\{CC_CLUSTER_URL\}\/capsules\/:id\/builds$/];
    const named =
      PAGE.match(/(?:\b(?:GET|POST|DELETE) |\$(?:REVEILLE|AGENT)_URL)(\/[\w/{}$:.-]+|\{\w+\}[\w/:]+)/g) ?? [];
    const bare = named.map((text) => text.replace(/^(GET|POST|DELETE) |^\$\w+_URL/, ''));
    expect(bare.length).toBeGreaterThan(12);
    const known = [...api, ...contract, ...platform];
    expect(bare.filter((path) => !known.some((each) => each.test(path)))).toEqual([]);
  });

  it('are problems of the API, files and links that there are', () => {
    for (const code of ['platform-refused', 'build-uncertain'] as const) {
      expect(inline).toContain(code);
      expect(PROBLEMS).toHaveProperty(code);
    }
    const links = [...PAGE.matchAll(/\]\(([^)#]+)\)/g)].map(([, to]) => join('docs', String(to)));
    const files = inline.filter(
      (text) => /^(src|agents|postman)\/[\w./-]+$/.test(text) && text !== 'src/jobs/',
    );
    for (const file of [...links, ...files])
      expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
  });

  it('is a registry entry and a workflow that load', () => {
    const [agent, workflow] = [...PAGE.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text = '']) => {
      const env = {
        CC_CAPSULE_ID_MY_NEW_AGENT: 'a-capsule',
        CC_AGENT_URL_MY_NEW_AGENT: 'https://my-new-agent.example.com',
      };
      return runInNewContext(`[${text}][0]`, { env }) as unknown;
    });
    const input = { agents: [agent], workflows: [workflow] } as RegistryInput;
    const loaded = loadRegistry(input, {
      CC_AGENT_SECRET_MY_NEW_AGENT: AGENT_SECRET,
      NODE_ENV: 'production',
    });
    expect(loaded).toMatchObject({ ok: true });
  });
});

describe('its commands', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let world: World;
  let orchestrator: Orchestrator;
  let alone: TestProcess;
  let variables: Record<string, string>;

  beforeAll(async () => {
    folder = await temporaryFolder();
    const entry = join(TEMPLATE, 'dist/index.js');
    await writeFile(join(folder.path, 'Procfile'), `web: node ${entry}\n`);
    const [port, agentPort] = [await freePort(), await freePort()];
    const ORCHESTRATOR_WEBHOOK_URL = `http://localhost:${port}/webhook`;
    world = await World.start({
      agents: [
        {
          id: 'my-new-agent',
          folder: folder.path,
          secret: AGENT_SECRET,
          env: { AGENT_MODE: 'startup', AGENT_SECRET, ORCHESTRATOR_WEBHOOK_URL },
        },
      ],
      workflows: [
        {
          id: 'my-workflow',
          name: 'My workflow',
          schedule: { cron: '0 9 * * 1', timezone: 'Europe/Berlin' },
          steps: [{ id: 'my-new-step', agent: 'my-new-agent', timeoutSeconds: 60 }],
        },
      ],
    });
    const settings = { PORT: String(port), API_KEYS: API_KEY, HOST: '127.0.0.1', INBOX: 'on' };
    orchestrator = await world.orchestrate({ env: settings });
    const env = { PORT: String(agentPort), AGENT_MODE: 'api', AGENT_SECRET, REDIS_URL: undefined };
    alone = await startProcess(process.execPath, [entry], { env });
    const AGENT_URL = `http://127.0.0.1:${agentPort}`;
    variables = { REVEILLE_URL: orchestrator.url, REVEILLE_API_KEY: API_KEY, AGENT_URL, AGENT_SECRET };
    const healthy = () =>
      fetch(`${AGENT_URL}/health`).then(
        (response) => response.ok,
        () => false,
      );
    await until(healthy, { what: 'the agent in api mode' });
  });

  afterAll(async () => {
    await alone.stop();
    await world.close();
    await folder.remove();
  });

  function run(command: string): Promise<{ code: number; output: string }> {
    const options = { cwd: ROOT, env: { ...process.env, ...variables }, timeout: COMMAND_TIMEOUT_MS };
    return new Promise((resolve) => {
      execFile('sh', ['-eu', '-c', command], options, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, output: `${stdout}${error ? stderr : ''}` });
      });
    });
  }

  it('are marked to be run', () => expect(steps.length).toBeGreaterThanOrEqual(12));

  it.each(steps.map((step) => [step.command.split('\n')[0]?.slice(0, 70) ?? '', step] as const))(
    '%s',
    async (_title, { command, shows }) => {
      const { code, output } = await run(command);
      expect({ code, output }).toMatchObject({ code: 0 });
      for (const line of shows) expect(output).toMatch(pattern(line));
    },
  );

  it('left one redeploy in the ledger', async () => {
    const entries = (await orchestrator.store.ledger(0, 1_000)).map(({ body }) => body);
    expect(entries.filter((body) => body.includes('"redeploy.started"'))).toHaveLength(1);
    expect(entries.join('')).not.toContain(API_KEY);
  });

  it('are all commands that there are', async () => {
    const commands = PAGE.match(/npx reveille(?: [a-z]+)+/g) ?? [];
    expect(commands.length).toBeGreaterThan(2);
    for (const command of new Set(commands)) {
      const words = command.split(' ').slice(2);
      const known = words[0] === 'redeploy' ? words.slice(0, 1) : words.slice(0, 2);
      const { code, output } = await run(`node dist/cli/index.js ${known.join(' ')} --help`);
      expect({ command, code, output }).toMatchObject({ code: 0 });
      expect(output).toContain(`Usage: reveille ${known.join(' ')}`);
    }
  });
});
