/** The doctor looks at all capsules: those that work comes to only when another fails, too. */
import { examinePlatform } from '../../src/doctor/platform';
import { PlatformError } from '../../src/platforms/platform';
import { loadRegistry } from '../../src/registry';

it('looks at every capsule that an agent may be on', async () => {
  const place = (capsuleId: string) => ({ capsuleId, baseUrl: `http://${capsuleId}.test` });
  const alpha = { id: 'alpha', name: 'Alpha', ...place('main') };
  const agents = [{ ...alpha, spares: [place('spare')], alternatives: [place('other')] }];
  const loaded = loadRegistry({ agents, workflows: [] }, {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const observe = async (id: string) => {
    if (id === 'other') throw new PlatformError('not-found', 'no such capsule');
    return { running: 0, desired: 0 };
  };
  const found = await examinePlatform({ name: 'fake', observe }, loaded.registry);
  expect(found.filter((f) => f.check === 'capsule').map((f) => `${f.verdict} ${f.text}`)).toEqual([
    'ok alpha: 0 replicas, told by fake',
    'ok alpha on spare: 0 replicas, told by fake',
    'fail alpha on other: fake says not-found',
  ]);
});
