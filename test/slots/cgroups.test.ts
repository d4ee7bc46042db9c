/** Control groups: on the kernel's own tree where this machine has one we may write, on one of plain files everywhere. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppProcess } from '../../src/slots/app-process';
import { openCgroups, type Kernel, type Opened } from '../../src/slots/cgroups';
import { enforcementOf, limited, shortfall } from '../../src/slots/limits';
import { temporaryFolder } from '../support/folders';
import { until } from '../support/until';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

/** A tree as the kernel shows it, of plain files: a group is removed with what is in it. */
function tree(own: string, offered = 'cpu memory pids'): { kernel: Kernel; root: string; at: string } {
  const root = join(folder.path, 'cgroup');
  const at = join(root, own);
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'cgroup.controllers'), offered);
  writeFileSync(join(at, 'cgroup.subtree_control'), '');
  writeFileSync(join(folder.path, 'mounts'), `30 1 0:26 / ${root} rw,nosuid - cgroup2 cgroup2 rw\n`);
  writeFileSync(join(folder.path, 'membership'), `1:name=systemd:/elsewhere\n0::/${own}\n`);
  const kernel = {
    mounts: join(folder.path, 'mounts'),
    membership: join(folder.path, 'membership'),
    remove: (path: string) => rmSync(path, { recursive: true }),
  };
  return { kernel, root, at };
}

const groupsOf = ({ groups, why }: Opened) => {
  if (groups === undefined) throw new Error(why);
  return groups;
};
const contentOf = (path: string, file: string) => readFileSync(join(path, file), 'utf8');

describe('a control group of our own', () => {
  it('is divided: this process makes room, and each command gets its limits', () => {
    const { kernel, at } = tree('app.service');
    const groups = groupsOf(openCgroups({ memory_mb: 512, cpu_percent: 150, tasks: 40 }, kernel));
    expect(contentOf(join(at, 'controller'), 'cgroup.procs')).toBe(String(process.pid));
    expect(contentOf(at, 'cgroup.subtree_control')).toBe('+memory +cpu +pids');
    const { folder: made } = groups.make('slot-1a2b3c4d');
    expect(made).toMatch(/app\.service\/app-slot-1a2b3c4d-[0-9a-f]{8}$/);
    expect(Object.fromEntries(readdirSync(made).map((file) => [file, contentOf(made, file)]))).toEqual({
      'memory.max': '512000000',
      'memory.oom.group': '1',
      'cpu.max': '150000 100000',
      'pids.max': '40',
    });
  });

  it('is the one above where systemd has put the controller below it already', () => {
    const { kernel, root } = tree('app.service/controller');
    for (const file of ['cgroup.controllers', 'cgroup.subtree_control'])
      writeFileSync(join(root, 'app.service', file), 'memory');
    expect(groupsOf(openCgroups({ memory_mb: 64 }, kernel)).base).toBe(join(root, 'app.service'));
    expect(readdirSync(join(root, 'app.service')).sort()).toEqual([
      'cgroup.controllers',
      'cgroup.subtree_control',
      'controller',
    ]);
  });

  it('is asked for no more than it has, and is left as it was when it cannot be divided', () => {
    expect(openCgroups({ tasks: 5 }, tree('few', 'cpu memory').kernel).why).toMatch(/few offers no pids$/);
    const { kernel, at } = tree('shared');
    rmSync(join(at, 'cgroup.subtree_control'));
    mkdirSync(join(at, 'cgroup.subtree_control')); // Nothing can be written to it.
    expect(openCgroups({ tasks: 5 }, kernel).why).toMatch(/shared is not ours to divide \(EISDIR\)/);
    expect(readdirSync(at)).not.toContain('controller');
    expect(contentOf(at, 'cgroup.procs')).toBe(String(process.pid));
    const none = { ...kernel, membership: join(folder.path, 'nothing') };
    expect(openCgroups({ tasks: 5 }, none)).toEqual({ why: 'this machine has no cgroup v2' });
  });

  it('is cleared of what an earlier controller left in it', async () => {
    const { kernel, at } = tree('app.service');
    const groups = groupsOf(openCgroups({ tasks: 40 }, kernel));
    const left = groups.make('slot-old');
    mkdirSync(join(at, 'of-somebody-else'));
    await groups.clear();
    expect(readdirSync(at).filter((name) => !name.includes('.'))).toEqual(['controller', 'of-somebody-else']);
    await left.end(); // Gone already, which is what was wanted.
  });
});

describe('a command', () => {
  const start = (command: string, { groups }: Opened) =>
    AppProcess.start({
      command,
      folder: folder.path,
      env: { PATH: process.env['PATH'] ?? '' },
      logFile: join(folder.path, 'log'),
      limits: { open_files: 77 },
      groups,
    });

  it('is in its group before it does anything, and out of it at its end', async () => {
    const { kernel, at } = tree('app.service');
    const app = await start('ulimit -n; sleep 600 & echo $$ > pid; wait', openCgroups({ tasks: 40 }, kernel));
    const pidFile = join(folder.path, 'pid');
    await until(() => readdirSync(folder.path).includes('pid') && readFileSync(pidFile, 'utf8') !== '', {
      what: 'the command',
    });
    const mine = () => readdirSync(at).filter((name) => name.startsWith('app-'));
    expect(mine()).toHaveLength(1);
    expect(contentOf(join(at, mine()[0] ?? ''), 'cgroup.procs')).toBe(String(app.pid));
    expect(contentOf(folder.path, 'pid')).toBe(`${app.pid}\n`);
    expect(contentOf(folder.path, 'log')).toBe('77\n');
    await app.stop(0);
    expect(mine()).toEqual([]);
  });

  it("takes all of its own along at its end, on the kernel's own tree", async () => {
    const opened = openCgroups({});
    if (opened.groups === undefined) return expect(opened.why).toMatch(/cgroup/); // Not ours to write here.
    const gone = join(folder.path, 'gone');
    // It leaves the process group and its parent, and would outlive both.
    const app = await start(`setsid sh -c 'echo $$ > ${gone}; exec sleep 600' & sleep 600`, opened);
    const text = () => (existsSync(gone) ? readFileSync(gone, 'utf8').trim() : '');
    await until(() => text() !== '', { what: 'the one that let go' });
    const isAlive = () =>
      existsSync(`/proc/${text()}`) && !/^State:\tZ/m.test(contentOf(`/proc/${text()}`, 'status'));
    expect(contentOf(`/proc/${text()}`, 'cgroup')).toContain(`/app-`);
    await app.stop(0);
    expect(isAlive()).toBe(false);
  });

  it('does not begin outside of it', async () => {
    const { kernel } = tree('app.service');
    const { groups } = openCgroups({ tasks: 40 }, kernel);
    const make = groups?.make.bind(groups);
    if (groups === undefined || make === undefined) throw new Error('no groups');
    groups.make = (name) =>
      Object.assign(make(name), {
        enter: () => {
          throw new Error('no way in');
        },
      });
    await expect(start('echo began', { groups })).rejects.toThrow('no way in');
    expect(contentOf(folder.path, 'log')).toBe('');
  });
});

describe('limits', () => {
  const open = (): Opened => ({ why: 'it is a test' });

  it('that need a group are said not to hold without one, or nothing starts', () => {
    const limits = { memory_mb: 64, cpu_percent: 50, tasks: 9, cgroup: 'auto' as const };
    const enforced = enforcementOf(limits, open);
    expect(enforced).toMatchObject({ by: 'prlimit', unenforced: { fields: ['cpu_percent', 'tasks'] } });
    expect(shortfall(enforced)).toMatch(
      /^limits\.cpu_percent and limits\.tasks do not hold here: it is a test\./,
    );
    expect(shortfall(enforcementOf({ memory_mb: 64, cgroup: 'auto' }, open))).toBeUndefined();
    expect(() => enforcementOf({ ...limits, cgroup: 'required' }, open)).toThrow(
      /limits\.cgroup is "required", but it is a test\. .*Delegate=yes/,
    );
    expect(enforcementOf({ ...limits, cgroup: 'off' }).unenforced?.why).toBe('limits.cgroup is off');
    expect(enforcementOf(undefined)).toEqual({ by: 'nothing', unenforced: undefined });
  });

  it('of memory are left to the group where there is one', () => {
    const both = { memory_mb: 64, open_files: 99 };
    expect(limited('true', both, true)[1]).toEqual(expect.arrayContaining(['--nofile=99', '--', '/bin/sh']));
    expect(limited('true', both, true)[1].join(' ')).not.toContain('--data');
  });
});
