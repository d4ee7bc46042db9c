/** The platform driver that a configuration names: for `compose.ts`, and for `reveille platform check`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlatformConfig } from './config';
import type { Builds } from './platforms/builds';
import { createCodeCapsulesPlatform } from './platforms/code-capsules';
import { createDockerPlatform } from './platforms/docker';
import { createFlyPlatform } from './platforms/fly';
import { createKubernetesPlatform, inCluster, kubeconfig } from './platforms/kubernetes';
import type { Platform } from './platforms/platform';
import { unconfiguredPlatform } from './platforms/unconfigured';

/** @throws Error naming the variable to set, when an address or a file of it cannot be used */
export function platformOf(config: PlatformConfig): Platform & { readonly builds?: Builds } {
  const { docker, kubernetes, fly, codeCapsules } = config;
  if (docker) return dockerOf(docker);
  if (kubernetes) {
    const cluster =
      kubernetes.kind === 'file' ? kubeconfig(kubernetes.file, kubernetes.context) : inCluster(kubernetes);
    return createKubernetesPlatform({ cluster });
  }
  if (fly) return createFlyPlatform({ token: fly.token.reveal(), apiUrl: fly.apiUrl, sleepBy: fly.sleepBy });
  return codeCapsules ? codeCapsulesOf(codeCapsules) : unconfiguredPlatform();
}

function dockerOf({ host, certPath, stopSeconds }: NonNullable<PlatformConfig['docker']>): Platform {
  const pem = (name: string): string => {
    const file = join(certPath ?? '', name);
    try {
      return readFileSync(file, 'utf8');
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new Error(`DOCKER_CERT_PATH: ${file} cannot be read (${code}).`, { cause });
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
