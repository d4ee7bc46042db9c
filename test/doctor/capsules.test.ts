/** The doctor looks at all capsules: those that work comes to only when another fails, too. */
import { examinePlatform } from '../../src/doctor/platform';
import { PlatformError } from '../../src/platforms/platform';
import { loadRegistry } from '../../src/registry';

/** An agent on its own capsule, one spare and one elsewhere. */
function registry() {
  const place = (capsuleId: string) => ({ capsuleId, baseUrl: `http://${capsuleId}.test` });
  const alpha = { id: 'alpha', name: 'Alpha', ...place('main') };
  const agents = [{ ...alpha, spares: [place('spare')], alternatives: [place('other')] }];
  const loaded = loadRegistry({ agents, workflows: [] }, {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.registry;
}

it('looks at every capsule that an agent may be on', async () => {
  const observe = async (id: string) => {
    if (id === 'other') throw new PlatformError('not-found', 'no such capsule');
    return { running: 0, desired: 0 };
  };
  const found = await examinePlatform({ name: 'fake', observe }, registry());
  expect(found.filter((f) => f.check === 'capsule').map((f) => `${f.verdict} ${f.text}`)).toEqual([
    'ok alpha: 0 replicas, told by fake',
    'ok alpha on spare: 0 replicas, told by fake',
    'fail alpha on other: fake says not-found',
  ]);
});

it('tells what each is and has, where the platform does', async () => {
  const describe = async (id: string) => {
    if (id === 'other') throw new PlatformError('unavailable', 'no answer');
    return { type: id === 'spare' ? 'frontend' : 'backend', sizes: { cpu: '50 m', memory: '0.2 G' } };
  };
  const observe = () => Promise.resolve({ running: 0, desired: 0 });
  const told = async (platform: Parameters<typeof examinePlatform>[0]) =>
    (await examinePlatform(platform, registry()))
      .filter((f) => f.check === 'capsule-sizes')
      .map((f) => `${f.verdict} ${f.text}`);
  expect(await told({ name: 'fake', observe, describe })).toEqual([
    'ok alpha: type backend, cpu 50 m, memory 0.2 G',
    'warn alpha on spare: type frontend, cpu 50 m, memory 0.2 G; an agent is a service',
    'warn alpha on other: fake says unavailable',
  ]);
  expect(await told({ name: 'fake', observe })).toEqual([
    'unknown types and sizes of capsules are not told by fake',
  ]);
});
