import { setTimeout as delay } from 'node:timers/promises';
import { createCodeCapsulesPlatform } from '../../src/platforms/code-capsules';
import type { Dialect } from '../../src/platforms/code-capsules';
import { createLocalPlatform } from '../../src/platforms/local';
import { createMemoryPlatform } from '../../src/platforms/memory';
import type { PlatformFixture } from '../contracts/platform';
import { platformConformance } from '../contracts/platform';
import { capsuleFolder, temporary } from './folders';
import { freePort } from '../support/ports';
import { VirtualClock } from './virtual-clock';

const LOGIN = { email: 'ops@example.test', password: 'correct horse', apiKey: 'key' };

/** Real HTTP and real child processes: the driver against the local platform. */
async function onLocalPlatform(dialect: Dialect, loggingIn: boolean): Promise<PlatformFixture> {
  const state = await temporary();
  const folder = await capsuleFolder(state.path);
  const capsules = [{ id: 'cap-1', folder, port: await freePort() }];
  const local = createLocalPlatform({ stateDir: state.path, capsules, login: LOGIN });
  await local.start();
  const platform = createCodeCapsulesPlatform({
    dialect,
    apiUrl: local.url,
    clusterUrl: local.url,
    authUrl: local.url,
    credentials: loggingIn ? LOGIN : { token: local.token },
    maxRetries: 1,
  });
  const stranger = createCodeCapsulesPlatform({
    dialect,
    apiUrl: local.url,
    clusterUrl: local.url,
    credentials: { token: 'wrong' },
  });
  return {
    platform,
    stranger,
    capsuleId: 'cap-1',
    step: () => delay(20),
    loseAnswers: (on) => local.faults.set({ patchAnswerLost: on ? 1_000_000 : 0 }),
    dispose: async () => {
      await local.stop();
      await state.dispose();
    },
  };
}

async function inMemory(): Promise<PlatformFixture> {
  const clock = new VirtualClock();
  const platform = createMemoryPlatform({
    capsules: ['cap-1'],
    now: () => clock.now,
    schedule: (ms, task) => clock.schedule(ms, task),
    random: () => 0,
    bootMs: 15_000,
    stopMs: 3_000,
    latencyMs: 50,
  });
  return {
    platform,
    capsuleId: 'cap-1',
    step: () => clock.advance(100),
    loseAnswers: (on) => void (platform.faults = on ? { answerLost: 1 } : {}),
    dispose: () => Promise.resolve(),
  };
}

platformConformance(
  'Code Capsules, capsule shape, fixed token',
  () => onLocalPlatform('capsule', false),
  true,
);
platformConformance('Code Capsules, products shape, login', () => onLocalPlatform('products', true), true);
platformConformance('memory', inMemory);
