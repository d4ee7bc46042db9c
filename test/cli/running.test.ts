/** What runs in a folder is found by the commands that are called there, and only while it runs. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { announce, DEMO_DATA, DEV_DATA, runningIn } from '../../src/cli/local/running';
import { temporaryFolder } from '../support/folders';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder.path, DEV_DATA), { recursive: true });
});
afterEach(() => folder.remove());

const tell = (dataDir: string, port: number) => announce(join(folder.path, dataDir), port);
const file = () => join(folder.path, DEMO_DATA, 'running.json');
const said = async () => JSON.parse(await readFile(file(), 'utf8')) as Record<string, unknown>;

it('is the demo, or else the development', async () => {
  expect(runningIn(folder.path)).toBeUndefined();
  const endDev = tell(DEV_DATA, 3_001);
  expect(runningIn(folder.path)).toBe('http://localhost:3001');
  const endDemo = tell(DEMO_DATA, 3_002);
  expect(runningIn(folder.path)).toBe('http://localhost:3002');
  await endDemo();
  expect(runningIn(folder.path)).toBe('http://localhost:3001');
  await endDev();
  expect(runningIn(folder.path)).toBeUndefined();
});

it.each<[string, Record<string, unknown>]>([
  ['a process that is gone', { pid: 2 ** 22 + 1 }],
  ['a later process with the same id', { startTime: 'another' }],
  ['an address elsewhere', { port: '80@elsewhere.example' }],
  ['a port that is none', { port: 70_000 }],
])('is not %s', async (_, odd) => {
  tell(DEMO_DATA, 3_003);
  await writeFile(file(), JSON.stringify({ ...(await said()), ...odd }));
  expect(runningIn(folder.path)).toBeUndefined();
});

it('is nothing while the file is cut short', async () => {
  tell(DEMO_DATA, 3_004);
  await writeFile(file(), (await readFile(file(), 'utf8')).slice(0, -3));
  expect(runningIn(folder.path)).toBeUndefined();
});
