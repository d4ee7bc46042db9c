/** What the installation that is attacked consists of: agents of every kind, workflows that wait for everything. */
import type { Build, Builds } from '../../src/platforms/builds';
import type { RegistryInput } from '../../src/registry';
import { REGISTRY } from '../http/support/api';

export const HOOK_SECRET = 'hook-secret-canary-0123456789abcdef';
export const HOOK_TOKEN = 'hook-token-canary-0123456789abcdef';
export const HOOK_ENV = { HOOK_SECRET, HOOK_TOKEN };

const [crawler, writer] = REGISTRY.agents;
if (!crawler || !writer) throw new Error('the registry of the tests lacks its two agents');
const only = [{ id: 'only', agent: 'writer' }];

export const INPUT: RegistryInput = {
  agents: [
    crawler,
    {
      ...writer,
      // So that there is a release to go back to.
      spares: [1, 2].map((n) => ({ capsuleId: `cap-spare-${n}`, baseUrl: `http://localhost:311${n}` })),
      concurrency: 10,
    },
    {
      ...{ id: 'poster', name: 'Poster', capsuleId: 'cap-poster', baseUrl: 'http://localhost:3103' },
      ...{ oversight: { mode: 'by-rule' }, breaker: { consecutiveFailures: 3 }, budget: { perDayUsd: 50 } },
      ...{ maxActionsPerDay: 500, concurrency: 10 },
    },
  ],
  workflows: [
    ...REGISTRY.workflows,
    { id: 'posts', name: 'Posts', steps: [{ id: 'post', agent: 'poster' }] },
    { id: 'asks', name: 'Asks', steps: [{ id: 'ask', approval: { title: 'May it?' } }] },
    {
      ...{ id: 'hooked', name: 'Hooked', steps: only },
      on: { webhook: { secret: 'HOOK_SECRET', style: 'github' } },
    },
    {
      ...{ id: 'tokened', name: 'Tokened', steps: only },
      on: { webhook: { secret: 'HOOK_TOKEN', style: 'token' } },
    },
  ],
};

/** A platform that builds at once what it is asked for. */
export class FakeBuilds implements Builds {
  private readonly made: Build[] = [];

  async start(capsuleId: string): Promise<Build> {
    const build: Build = { id: `build-${this.made.length + 1}`, capsuleId, status: 'succeeded' };
    this.made.unshift(build);
    return build;
  }

  async list(capsuleId: string): Promise<Build[]> {
    return this.made.filter((build) => build.capsuleId === capsuleId).slice(0, 50);
  }

  async log(): Promise<string[]> {
    return ['it is built'];
  }
}
