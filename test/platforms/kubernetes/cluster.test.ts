import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inCluster, kubeconfig } from '../../../src/platforms/kubernetes';
import { deploymentIn, selectorText } from '../../../src/platforms/kubernetes/shapes';
import { temporary } from '../folders';

const CANARY = 'canary-token-in-a-file';
let folder: { path: string; dispose: () => Promise<void> };
beforeEach(async () => void (folder = await temporary()));
afterEach(() => folder.dispose());

async function file(name: string, text: string): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, text);
  return path;
}

/** A kubeconfig with two contexts; `user` is YAML of one line. */
const config = (
  user: string,
  cluster = '{ server: "https://one.example:6443/", certificate-authority: ca.crt }',
) => `
apiVersion: v1
kind: Config
current-context: one
contexts:
  - { name: one, context: { cluster: one, user: me } }
  - { name: two, context: { cluster: two, user: me } }
  - { name: lost, context: { cluster: nowhere, user: me } }
clusters:
  - { name: one, cluster: ${cluster} }
  - { name: two, cluster: { server: "https://two.example", certificate-authority-data: Q0Eh } }
users:
  - { name: me, user: ${user} }
`;

describe('a kubeconfig', () => {
  it('gives the current context, or the one that is named', async () => {
    await file('ca.crt', 'CA of one');
    const path = await file('config', config(`{ token: ${CANARY} }`));
    const one = kubeconfig(path);
    expect([one.server, one.ca, await one.token()]).toEqual([
      'https://one.example:6443',
      'CA of one',
      CANARY,
    ]);
    expect(one.secrets()).toEqual([CANARY]);
    expect(kubeconfig(path, 'two')).toMatchObject({ server: 'https://two.example', ca: 'CA!' });
  });

  it('takes a token in a file, read anew each time', async () => {
    await file('ca.crt', 'CA');
    const token = await file('token', 'first\n');
    const cluster = kubeconfig(await file('config', config('{ tokenFile: token }')));
    expect(await cluster.token()).toBe('first');
    await writeFile(token, 'second');
    expect([await cluster.token(), cluster.secrets()]).toEqual(['second', ['second']]);
    await writeFile(token, '');
    await expect(cluster.token()).rejects.toThrow(token);
  });

  it('takes a client certificate instead of a token', async () => {
    await file('ca.crt', 'CA');
    const user = '{ client-certificate-data: Q0VSVA==, client-key-data: S0VZ }';
    const cluster = kubeconfig(await file('config', config(user)));
    expect(cluster).toMatchObject({ cert: 'CERT', key: 'KEY' });
    expect(await cluster.token()).toBeUndefined();
  });

  it.each([
    ['{ exec: { command: aws } }', 'one', 'neither a token nor a client certificate'],
    [`{ token: ${CANARY} }`, 'three', 'KUBERNETES_CONTEXT'],
    [`{ token: ${CANARY} }`, 'lost', 'no cluster "nowhere"'],
    [`{ token: "${CANARY}`, 'one', 'no YAML'],
    [`[${CANARY}]`, 'one', 'lacks users.0.user'],
  ])('%#: says what is wrong with it, and shows no secret', async (user, context, said) => {
    await file('ca.crt', 'CA');
    const path = await file('config', config(user));
    expect(() => kubeconfig(path, context)).toThrow(said);
    expect(() => kubeconfig(path, context)).not.toThrow(CANARY);
  });

  it.each([
    ['{ server: "http://one.example" }', 'https'],
    ['{ server: "https://one.example", insecure-skip-tls-verify: true }', 'not verified'],
    [
      '{ server: "https://one.example", certificate-authority: lost.crt }',
      /^KUBECONFIG: \S+lost\.crt cannot be read \(ENOENT\): set certificate-authority in \S+ to a file /,
    ],
  ])('does not speak to a cluster anybody could stand for: %s', async (cluster, said) => {
    const path = await file('config', config('{ token: t }', cluster));
    expect(() => kubeconfig(path)).toThrow(said);
  });

  it('says that it is not there, and how to mend that', () =>
    expect(() => kubeconfig('/nowhere/config')).toThrow(
      'KUBECONFIG: /nowhere/config cannot be read (ENOENT): set it to a kubeconfig file that this process may read.',
    ));
});

describe('inside a cluster', () => {
  it('is who its pod is', async () => {
    await file('ca.crt', 'CA');
    await file('token', CANARY);
    const cluster = inCluster({ host: '10.0.0.1', port: 443, folder: folder.path });
    expect([cluster.server, cluster.ca, await cluster.token()]).toEqual([
      'https://10.0.0.1:443',
      'CA',
      CANARY,
    ]);
    expect(inCluster({ host: 'fd00::1', port: 443, folder: folder.path }).server).toBe(
      'https://[fd00::1]:443',
    );
  });

  it('says that it is in none', () =>
    expect(() => inCluster({ host: 'h', port: 443, folder: '/nowhere' })).toThrow(
      'The certificate of the cluster: /nowhere/ca.crt cannot be read (ENOENT): let the pod have its service account',
    ));
});

describe('a selector', () => {
  it('is written as the query wants it', () => {
    const matchExpressions = [
      { key: 'a', operator: 'In' as const, values: ['x', 'y'] },
      { key: 'b', operator: 'NotIn' as const, values: ['z'] },
      { key: 'c', operator: 'Exists' as const },
      { key: 'd', operator: 'DoesNotExist' as const, values: null },
    ];
    expect(selectorText({ matchLabels: { app: 'crawler' }, matchExpressions })).toBe(
      'app=crawler,a in (x,y),b notin (z),c,!d',
    );
  });

  it('that chooses everything is refused', () => {
    const spec = { replicas: 0, selector: {} };
    expect(deploymentIn({ kind: 'Deployment', metadata: { generation: 1 }, spec })).toBeUndefined();
  });

  it('stands beside what is not said, which is unknown', () => {
    const spec = { selector: { matchLabels: { app: 'crawler' } } };
    expect(deploymentIn({ kind: 'Deployment', metadata: {}, spec })).toMatchObject({
      replicas: 'unknown',
      isCurrent: false,
    });
  });
});
