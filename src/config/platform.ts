/** The part of the configuration that says where capsules live. */
import type { Secret } from './secret';
import type { Values, VariableName } from './variables';

export interface CodeCapsulesConfig {
  readonly dialect: Values['CC_API_DIALECT'];
  readonly apiUrl?: string;
  readonly clusterUrl?: string;
  readonly authUrl?: string;
  readonly credentials:
    | { readonly kind: 'token'; readonly token: Secret }
    | { readonly kind: 'login'; readonly email: string; readonly password: Secret; readonly apiKey: Secret };
}

export interface DockerConfig {
  readonly host: string;
  readonly certPath?: string;
  readonly stopSeconds: number;
}

export type KubernetesConfig =
  | { readonly kind: 'file'; readonly file: string; readonly context?: string }
  | { readonly kind: 'pod'; readonly host: string; readonly port: number };

export interface FlyConfig {
  readonly token: Secret;
  readonly apiUrl?: string;
  readonly sleepBy: Values['FLY_SLEEP'];
}

/** At most one of them, and never none in production: the one that PLATFORM names. */
export interface PlatformConfig {
  /** Absent when no variable of it is set. */
  readonly codeCapsules?: CodeCapsulesConfig;
  readonly docker?: DockerConfig;
  readonly kubernetes?: KubernetesConfig;
  readonly fly?: FlyConfig;
}

type IsGiven = (name: VariableName) => boolean;
type Need = (place: VariableName, problem: string, mend: string) => void;

/** Any of these set means that Code Capsules is meant. The dialect alone does not. */
const CODE_CAPSULES = [
  'CC_API_URL',
  'CC_CLUSTER_URL',
  'CC_API_TOKEN',
  'CC_AUTH_URL',
  'CC_EMAIL',
  'CC_PASSWORD',
  'CC_API_KEY',
] as const satisfies VariableName[];

const UNSET = 'is not set, so no capsule can be woken';

/** Tells `need` of every variable that the chosen platform lacks. */
export function missingForPlatform(values: Partial<Values>, isGiven: IsGiven, need: Need): void {
  switch (values.PLATFORM) {
    case 'docker':
      return;
    case 'fly':
      return need('FLY_API_TOKEN', UNSET, 'Set it, e.g. from "fly tokens create deploy"');
    case 'kubernetes':
      if (!isGiven('KUBERNETES_SERVICE_HOST'))
        need('KUBECONFIG', `${UNSET}: this is no pod`, 'Set it to the path of a kubeconfig file');
      return;
    case 'code-capsules':
      if (values.NODE_ENV === 'production' || CODE_CAPSULES.some(isGiven))
        missingForCodeCapsules(values, isGiven, need);
  }
}

function missingForCodeCapsules(values: Partial<Values>, isGiven: IsGiven, need: Need): void {
  const dialect = values.CC_API_DIALECT ?? 'capsule';
  const address = dialect === 'capsule' ? 'CC_API_URL' : 'CC_CLUSTER_URL';
  need(address, `${UNSET} (CC_API_DIALECT is ${dialect})`, 'Set it to the base URL of the Code Capsules API');
  if (isGiven('CC_API_TOKEN')) return;
  const login = ['CC_EMAIL', 'CC_PASSWORD', 'CC_API_KEY', 'CC_AUTH_URL'] as const;
  if (!login.some(isGiven)) {
    need('CC_API_TOKEN', UNSET, `Set it, or set ${login.join(', ')} to log in`);
    return;
  }
  for (const name of login)
    need(name, 'is not set, but a login needs it', 'Set it, or use CC_API_TOKEN instead');
}

/** The settings of the chosen platform, from variables that were found complete. */
export function arrangePlatform(values: Values): PlatformConfig {
  switch (values.PLATFORM) {
    case 'docker': {
      const { DOCKER_HOST: host, DOCKER_CERT_PATH: certPath, DOCKER_STOP_SECONDS: stopSeconds } = values;
      return { docker: { host, stopSeconds, ...(certPath !== undefined && { certPath }) } };
    }
    case 'kubernetes':
      return { kubernetes: kubernetesOf(values) };
    case 'fly': {
      const { FLY_API_TOKEN: token, FLY_API_HOSTNAME: apiUrl, FLY_SLEEP: sleepBy } = values;
      return token ? { fly: { token, sleepBy, ...(apiUrl !== undefined && { apiUrl }) } } : {};
    }
    case 'code-capsules': {
      const codeCapsules = codeCapsulesOf(values);
      return codeCapsules ? { codeCapsules } : {};
    }
  }
}

function kubernetesOf(values: Values): KubernetesConfig {
  const { KUBECONFIG: file, KUBERNETES_CONTEXT: context } = values;
  if (file !== undefined) return { kind: 'file', file, ...(context !== undefined && { context }) };
  return {
    kind: 'pod',
    host: values.KUBERNETES_SERVICE_HOST ?? '',
    port: values.KUBERNETES_SERVICE_PORT,
  };
}

function codeCapsulesOf(values: Values): CodeCapsulesConfig | undefined {
  const { CC_API_TOKEN, CC_EMAIL, CC_PASSWORD, CC_API_KEY } = values;
  const credentials = CC_API_TOKEN
    ? ({ kind: 'token', token: CC_API_TOKEN } as const)
    : CC_EMAIL !== undefined && CC_PASSWORD && CC_API_KEY
      ? ({ kind: 'login', email: CC_EMAIL, password: CC_PASSWORD, apiKey: CC_API_KEY } as const)
      : undefined;
  if (!credentials) return undefined;
  return {
    dialect: values.CC_API_DIALECT,
    ...(values.CC_API_URL !== undefined && { apiUrl: values.CC_API_URL }),
    ...(values.CC_CLUSTER_URL !== undefined && { clusterUrl: values.CC_CLUSTER_URL }),
    ...(values.CC_AUTH_URL !== undefined && { authUrl: values.CC_AUTH_URL }),
    credentials,
  };
}
