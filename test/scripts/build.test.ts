/** What the build does beside the compiler: JavaScript of what is new for the demo, none of what is gone. */
import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';

const script = (name: string) => pathToFileURL(resolve(__dirname, `../../scripts/${name}.mjs`)).href;

describe('the build', () => {
  const processes = useProcesses();
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const at = (name: string) => join(folder.path, name);

  beforeAll(async () => {
    folder = await temporaryFolder();
    await mkdir(at('src/deep'), { recursive: true });
    await writeFile(at('src/one.ts'), 'export const one: number = 1;\n');
    await writeFile(at('src/deep/two.ts'), "import { one } from '../one';\nexport const two = one + one;\n");
    await writeFile(at('src/types.d.ts'), 'declare module "none";\n');
  });
  afterAll(() => folder.remove());

  /** Calls what a script exports, there. */
  const call = async (name: string, what: string) => {
    const code = `import(${JSON.stringify(script(name))}).then((it) => it.${what}())`;
    const child = await processes.start(process.execPath, ['-e', code], { cwd: folder.path });
    expect(await child.exited).toMatchObject({ code: 0 });
  };

  /** Runs it there; answers what it said, and when each file it may write was written. */
  const run = async () => {
    await call('transpile', 'transpile');
    const [one, two] = await Promise.all(['one', 'deep/two'].map((name) => stat(at(`dist/${name}.js`))));
    return { one: one?.mtimeMs, two: two?.mtimeMs };
  };

  it('makes what runs, then only what changed, and has the compiler forget its last build', async () => {
    const first = await run();
    const module = (await import(at('dist/deep/two.js'))) as { two: number };
    expect(module.two).toBe(2);
    await expect(stat(at('dist/types.js'))).rejects.toMatchObject({ code: 'ENOENT' });

    await writeFile(at('dist/tsconfig.tsbuildinfo'), '{}');
    expect(await run()).toEqual(first);
    expect(await readFile(at('dist/tsconfig.tsbuildinfo'), 'utf8')).toBe('{}');

    await writeFile(at('src/one.ts'), 'export const one: number = 21;\n');
    // Of the future: newer than what was just made, whatever the clock of the files resolves.
    const soon = new Date(Date.now() + 60_000);
    await utimes(at('src/one.ts'), soon, soon);
    const second = await run();
    expect(second.two).toBe(first.two);
    expect(await readFile(at('dist/one.js'), 'utf8')).toContain('21');
    await expect(stat(at('dist/tsconfig.tsbuildinfo'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is rid of what was made of a source that is gone, and of nothing else', async () => {
    await run();
    await mkdir(at('dist/dashboard'), { recursive: true });
    const others = ['dist/dashboard/page.js', 'dist/tsconfig.tsbuildinfo'];
    const gone = ['dist/deep.js', 'dist/deep.js.map', 'dist/deep.d.ts', 'dist/deep/old.js'];
    await Promise.all([...others, ...gone].map((name) => writeFile(at(name), '')));
    await call('remove-stale', 'removeStale');
    for (const name of gone) await expect(stat(at(name))).rejects.toMatchObject({ code: 'ENOENT' });
    for (const name of [...others, 'dist/one.js', 'dist/one.js.map', 'dist/deep/two.js'])
      await stat(at(name));
  });
});
