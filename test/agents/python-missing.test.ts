/** What the tests do where python3 is missing: it is installed, or they say so. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../support/folders';
import { ensurePython } from '../support/python';

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const remove of undo.splice(0)) await remove();
});

async function which(name: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', `command -v ${name}`]);
  return stdout.trim();
}

/** A machine that has root and, of programs, these shell scripts alone; `$HERE` is its folder. */
async function machine(programs: Record<string, string>) {
  const { path, remove } = await temporaryFolder();
  undo.push(remove);
  const bin = join(path, 'bin');
  await mkdir(bin);
  for (const name of ['env', 'chmod']) await symlink(await which(name), join(bin, name));
  for (const [name, script] of Object.entries({ id: 'echo 0', ...programs }))
    await writeFile(join(bin, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
  const calls = () => readFile(join(path, 'calls'), 'utf8');
  return { env: { PATH: bin, HERE: path }, calls };
}

const NOTE = 'echo "$(id) $*" >> "$HERE/calls"';
const PUT_PYTHON =
  'printf "#!/bin/bash\\necho 3.9.2\\n" > "$HERE/bin/python3"; chmod 755 "$HERE/bin/python3"';
const INSTALLS = `${NOTE}; case "$*" in *"install "*" python3") ${PUT_PYTHON};; esac`;

test('there is one here', async () => {
  await expect(ensurePython()).resolves.toBeUndefined();
});

test.each(['apt-get', 'apk', 'dnf'])('it is installed by %s', async (manager) => {
  const script = manager === 'apk' ? `${NOTE}; ${PUT_PYTHON}` : INSTALLS;
  const { env, calls } = await machine({ [manager]: script });
  await ensurePython(env);
  expect(await calls()).toMatch(/^0 .*(?:install|add) .*python3$/m);
});

test.each<[string, Record<string, string>, RegExp]>([
  ['cannot be installed', { 'apt-get': 'echo no network >&2; exit 100' }, /apt-get install python3 failed$/],
  ['there is no package manager', {}, /no package manager here that this script knows/],
  ['nobody may install', { id: 'echo 1000' }, /installing python3 needs root$/],
  ['the one there is too old', { python3: 'echo 3.8.18' }, /: the one there is 3\.8\.18$/],
  ['the one there is broken', { python3: 'exit 1' }, /: the one there does not run$/],
])('they fail, saying what is needed, where %s', async (_why, programs, reason) => {
  const { env } = await machine(programs);
  const failure = await ensurePython(env).catch((error: Error) => error.message);
  expect(failure).toMatch(/need python3, 3\.9 or later, on the PATH \(e\.g\. apt-get install python3\): /);
  expect(failure).toMatch(reason);
});
