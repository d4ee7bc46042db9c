/**
 * Which cluster, and as whom: from inside a pod, or from a kubeconfig file.
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type * as Yaml from 'yaml';
import { z } from 'zod';
import { safeAddress } from '../calls/settings';

export interface Cluster {
  /** Base address of the API server. */
  server: string;
  /** What to check when something is wrong with it: a variable. */
  source: string;
  /** PEM texts. */
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  /** The bearer token now; undefined when a client certificate says who asks. @throws Error with the mend */
  token(): Promise<string | undefined>;
  /** Every token seen so far, to keep out of messages. */
  secrets(): string[];
}

/** Where every pod finds the credentials of its service account. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface InClusterOptions {
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, as every pod has them. */
  host: string;
  port: number;
  folder?: string;
}

/**
 * The cluster this process runs in, as its pod's service account.
 * @throws Error when the certificate of the cluster is not there
 */
export function inCluster({ host, port, folder = SERVICE_ACCOUNT }: InClusterOptions): Cluster {
  const address = host.includes(':') ? `[${host}]` : host;
  return {
    server: `https://${address}:${port}`,
    source: `the service account in ${folder}`,
    ca: textOf(
      join(folder, 'ca.crt'),
      'The certificate of the cluster',
      'let the pod have its service account (automountServiceAccountToken), or set KUBECONFIG',
    ),
    ...tokenFile(join(folder, 'token')),
  };
}

const text = z.string().min(1);
const Kubeconfig = z.looseObject({
  'current-context': z.string().optional(),
  contexts: z.array(
    z.looseObject({ name: text, context: z.looseObject({ cluster: text, user: text.optional() }) }),
  ),
  clusters: z.array(
    z.looseObject({
      name: text,
      cluster: z.looseObject({
        server: text,
        'certificate-authority': text.optional(),
        'certificate-authority-data': text.optional(),
        'insecure-skip-tls-verify': z.boolean().optional(),
      }),
    }),
  ),
  users: z.array(
    z.looseObject({
      name: text,
      user: z.looseObject({
        token: text.optional(),
        tokenFile: text.optional(),
        'client-certificate': text.optional(),
        'client-certificate-data': text.optional(),
        'client-key': text.optional(),
        'client-key-data': text.optional(),
      }),
    }),
  ),
});

/**
 * The cluster of a context of a kubeconfig file, as its user: a token, or a client certificate.
 * @param context its current one when absent
 * @throws Error that names KUBECONFIG and what is wrong with the file; never its content
 */
export function kubeconfig(file: string, context?: string): Cluster {
  const config = Kubeconfig.safeParse(parsed(file));
  if (!config.success) throw wrong(file, `it lacks ${config.error.issues[0]?.path.join('.')}`);
  const { contexts, clusters, users, 'current-context': current } = config.data;
  const wanted = context ?? current;
  const chosen = contexts.find(({ name }) => name === wanted)?.context;
  if (!chosen) throw wrong(file, `it has no context "${wanted ?? ''}"; set KUBERNETES_CONTEXT to one it has`);
  const cluster = clusters.find(({ name }) => name === chosen.cluster)?.cluster;
  const user = users.find(({ name }) => name === chosen.user)?.user;
  if (!cluster) throw wrong(file, `it has no cluster "${chosen.cluster}"`);
  if (!user) throw wrong(file, `it has no user "${chosen.user ?? ''}"`);
  if (cluster['insecure-skip-tls-verify']) {
    throw wrong(file, 'its cluster is not verified (insecure-skip-tls-verify); give its certificate instead');
  }
  const pem = (entry: Record<string, unknown>, name: string) => pemOf(file, entry, name);
  const found = {
    server: safeAddress(`The server in ${file}`, cluster.server),
    source: 'KUBECONFIG',
    ca: pem(cluster, 'certificate-authority'),
    cert: pem(user, 'client-certificate'),
    key: pem(user, 'client-key'),
  };
  if (user.token !== undefined) return { ...found, ...fixedToken(user.token) };
  if (user.tokenFile !== undefined) {
    return { ...found, ...tokenFile(resolve(dirname(file), user.tokenFile)) };
  }
  if (found.cert !== undefined && found.key !== undefined) return { ...found, ...fixedToken(undefined) };
  throw wrong(
    file,
    'its user has neither a token nor a client certificate (programs that fetch one are not run)',
  );
}

function fixedToken(token: string | undefined): Pick<Cluster, 'token' | 'secrets'> {
  return { token: async () => token, secrets: () => (token === undefined ? [] : [token]) };
}

/** Read anew for every request: the tokens of service accounts are replaced within the hour. */
function tokenFile(file: string): Pick<Cluster, 'token' | 'secrets'> {
  let last: string | undefined;
  const token = async () => {
    const read = (await readFile(file, 'utf8').catch(() => '')).trim();
    if (read === '') throw new Error(`there is no token in ${file}.`);
    last = read;
    return read;
  };
  return { token, secrets: () => (last === undefined ? [] : [last]) };
}

function parsed(file: string): unknown {
  const content = textOf(file, 'KUBECONFIG', 'set it to a kubeconfig file that this process may read');
  try {
    // Loaded when there is a kubeconfig to read: it would cost every other orchestrator 8 MB.
    const { parse } = createRequire(__filename)('yaml') as typeof Yaml;
    return parse(content) as unknown;
  } catch {
    // The parser's own message quotes the file, and with it tokens.
    throw wrong(file, 'it is no YAML');
  }
}

/** A PEM text: given in place as base64, or in a file named relative to the kubeconfig's. */
function pemOf(file: string, entry: Record<string, unknown>, name: string): string | undefined {
  const data = entry[`${name}-data`];
  if (typeof data === 'string') return Buffer.from(data, 'base64').toString('utf8');
  const path = entry[name];
  if (typeof path !== 'string') return undefined;
  const mend = `set ${name} in ${file} to a file that this process may read, or give ${name}-data`;
  return textOf(resolve(dirname(file), path), 'KUBECONFIG', mend);
}

/** @throws Error that says whose the file is, where it is, and how to mend that it cannot be read */
function textOf(file: string, whose: string, mend: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Error(`${whose}: ${file} cannot be read (${code}): ${mend}.`, { cause });
  }
}

const wrong = (file: string, problem: string): Error =>
  new Error(`KUBECONFIG: ${file} cannot be used: ${problem}.`);
