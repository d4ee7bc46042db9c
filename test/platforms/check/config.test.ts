import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { platformOf } from '../../../src/compose-platform';
import { loadConfig, type Config, type Env } from '../../../src/config';
import { temporary } from '../folders';

const read = (env: Env): Config | string[] => {
  const loaded = loadConfig(env);
  return loaded.ok ? loaded.config : loaded.problems.map(({ place }) => place);
};

function configOf(env: Env): Config {
  const config = read(env);
  if (Array.isArray(config)) throw new Error(config.join());
  return config;
}

const CODE_CAPSULES = { CC_API_URL: 'https://api.example.com', CC_API_TOKEN: 't' };

describe('PLATFORM', () => {
  it.each([
    [{}, 'unconfigured'],
    [CODE_CAPSULES, 'code-capsules'],
    [{ ...CODE_CAPSULES, PLATFORM: 'docker' }, 'docker'],
    [{ PLATFORM: 'docker', DOCKER_HOST: 'tcp://127.0.0.1:2375' }, 'docker'],
    [{ PLATFORM: 'fly', FLY_API_TOKEN: 't' }, 'fly'],
  ])('%j is %s', async (env: Env, name) => {
    const platform = platformOf(configOf(env));
    expect(platform.name).toBe(name);
    await platform.close();
  });

  it.each([
    [{ PLATFORM: 'heroku' }, ['PLATFORM']],
    [{ PLATFORM: 'fly' }, ['FLY_API_TOKEN']],
    [{ PLATFORM: 'kubernetes' }, ['KUBECONFIG']],
    [{ PLATFORM: 'fly', FLY_API_TOKEN: 't', FLY_API_HOSTNAME: 'http://example.com' }, ['FLY_API_HOSTNAME']],
    [{ PLATFORM: 'docker', DOCKER_STOP_SECONDS: '-1' }, ['DOCKER_STOP_SECONDS']],
  ])('%j lacks or mistakes %j', (env: Env, places) => expect(read(env)).toEqual(places));

  it('asks for nothing of another platform in production', () => {
    const env = {
      NODE_ENV: 'production',
      DATABASE_URL: 'postgres://u:p@db/reveille',
      PUBLIC_URL: 'https://reveille.example.com',
      API_KEYS: 'a-random-key-of-some-length',
    };
    expect(read({ ...env, PLATFORM: 'docker' })).toMatchObject({ docker: { stopSeconds: 10 } });
    expect(read({ ...env, PLATFORM: 'fly' })).toEqual(['FLY_API_TOKEN']);
    expect(read(env)).toEqual(['CC_API_URL', 'CC_API_TOKEN']);
  });

  it('finds the cluster in a file, or around the pod', async () => {
    const folder = await temporary();
    const file = join(folder.path, 'config');
    await writeFile(file, '{}');
    const named = configOf({ PLATFORM: 'kubernetes', KUBECONFIG: file, KUBERNETES_CONTEXT: 'two' });
    expect(named.kubernetes).toEqual({ kind: 'file', file, context: 'two' });
    expect(() => platformOf(named)).toThrow('KUBECONFIG');
    const pod = configOf({ PLATFORM: 'kubernetes', KUBERNETES_SERVICE_HOST: '10.0.0.1' });
    expect(pod.kubernetes).toEqual({ kind: 'pod', host: '10.0.0.1', port: 443 });
    await folder.dispose();
  });

  it('names the certificate that an Engine elsewhere lacks', () => {
    const env = { PLATFORM: 'docker', DOCKER_HOST: 'tcp://engine:2376', DOCKER_CERT_PATH: '/nowhere' };
    expect(() => platformOf(configOf(env))).toThrow(
      'DOCKER_CERT_PATH: /nowhere/ca.pem cannot be read (ENOENT): set it to a folder with ca.pem,',
    );
    expect(() => platformOf(configOf({ ...env, DOCKER_CERT_PATH: '' }))).toThrow('DOCKER_CERT_PATH');
  });
});
