/** The platform driver that a configuration names: for `compose.ts`, and for `reveille platform check`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret, type PlatformConfig } from './config';
import type { Builds } from './platforms/builds';
import { createCodeCapsulesPlatform } from './platforms/code-capsules';
import { createDockerPlatform } from './platforms/docker';
import { createFlyPlatform } from './platforms/fly';
import { createKubernetesPlatform, inCluster, kubeconfig, type Cluster } from './platforms/kubernetes';
import type { Platform } from './platforms/platform';
import { unconfiguredPlatform } from './platforms/unconfigured';

/** @throws Error naming the variable to set, when an address or a file of it cannot be used */
export function platformOf(config: PlatformConfig): Platform & { readonly builds?: Builds } {
  const { docker, kubernetes, fly, codeCapsules } = config;
  if (docker) return dockerOf(docker);
  if (kubernetes) return createKubernetesPlatform({ cluster: clusterOf(kubernetes) });
  if (fly) return createFlyPlatform({ token: fly.token.reveal(), apiUrl: fly.apiUrl, sleepBy: fly.sleepBy });
  return codeCapsules ? codeCapsulesOf(codeCapsules) : unconfiguredPlatform();
}

/**
 * Makes a driver like the configured one with credentials that are wrong. Undefined where there are
 * none, or where trying wrong ones could lock an account.
 */
export function strangerOf(config: PlatformConfig): (() => Platform) | undefined {
  const { kubernetes, fly, codeCapsules } = config;
  const token = new Secret('wrong-on-purpose');
  if (kubernetes) {
    return () => {
      const { cert: _cert, key: _key, ...cluster } = clusterOf(kubernetes);
      return createKubernetesPlatform({ cluster: { ...cluster, token: async () => token.reveal() } });
    };
  }
  if (fly) return () => platformOf({ fly: { ...fly, token } });
  if (codeCapsules?.credentials.kind !== 'token') return undefined;
  return () => platformOf({ codeCapsules: { ...codeCapsules, credentials: { kind: 'token', token } } });
}

function clusterOf(config: NonNullable<PlatformConfig['kubernetes']>): Cluster {
  return config.kind === 'file' ? kubeconfig(config.file, config.context) : inCluster(config);
}

function dockerOf({ host, certPath, stopSeconds }: NonNullable<PlatformConfig['docker']>): Platform {
  const pem = (name: string): string => {
    const file = join(certPath ?? '', name);
    try {
      return readFileSync(file, 'utf8');
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const mend = 'set it to a folder with ca.pem, cert.pem and key.pem that this process may read';
      throw new Error(`DOCKER_CERT_PATH: ${file} cannot be read (${code}): ${mend}.`, { cause });
    }
  };
  const isFar = host.startsWith('tcp:') && certPath !== undefined;
  const tls = isFar ? { ca: pem('ca.pem'), cert: pem('cert.pem'), key: pem('key.pem') } : undefined;
  return createDockerPlatform({ host, tls, stopSeconds });
}

function codeCapsulesOf(config: NonNullable<PlatformConfig['codeCapsules']>): ReturnType<typeof platformOf> {
  const { credentials } = config;
  return createCodeCapsulesPlatform({
    dialect: config.dialect,
    apiUrl: config.apiUrl ?? '',
    clusterUrl: config.clusterUrl,
    authUrl: config.authUrl,
    credentials:
      credentials.kind === 'token'
        ? { token: credentials.token.reveal() }
        : {
            email: credentials.email,
            password: credentials.password.reveal(),
            apiKey: credentials.apiKey.reveal(),
          },
  });
}
