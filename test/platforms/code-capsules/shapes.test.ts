import nock from '../../support/outside';
import { createCodeCapsulesPlatform } from '../../../src/platforms/code-capsules';
import { API, CLUSTER, Clock, drivers, refusal, TOKEN } from './harness';

const make = drivers();
const authorised = { reqheaders: { authorization: `Bearer ${TOKEN}` } };
const SIZES = {
  cpu: { qty: 250, unit: 'm' },
  memory: { qty: 0.5, unit: 'G' },
  storage: { qty: 3, unit: 'G' },
};

describe('the capsule shape', () => {
  it('scales with the one PATCH the guide names', async () => {
    nock(API, authorised)
      .patch('/capsules/cap-1', { scaling: { desiredReplicas: 1 } })
      .reply(200, {});
    await make(new Clock()).scale('cap-1', 1);
  });

  it('keeps a path in the address and takes an id as one path segment', async () => {
    nock(API).patch('/api/capsules/a%2Fb').reply(204);
    await make(new Clock(), { apiUrl: `${API}/api/` }).scale('a/b', 0);
  });

  it.each([
    ['bare', { scaling: { desiredReplicas: 1, runningReplicas: 1 } }, { desired: 1, running: 1 }],
    [
      'wrapped',
      { data: { scaling: { desiredReplicas: 1, currentReplicas: 0 } } },
      { desired: 1, running: 0 },
    ],
    ['flat', { desiredReplicas: 0, runningReplicas: 2 }, { desired: 0, running: 2 }],
    ['digits as text', { desiredReplicas: '0', currentReplicas: '1' }, { desired: 0, running: 1 }],
    ['without a running count', { scaling: { desiredReplicas: 0 } }, { desired: 0, running: 'unknown' }],
    [
      'with ready counts only',
      { scaling: { desiredReplicas: 0 }, readyReplicas: 0 },
      { desired: 0, running: 'unknown' },
    ],
    [
      'with odd counts',
      { desiredReplicas: -1, runningReplicas: null },
      { desired: 'unknown', running: 'unknown' },
    ],
    ['empty', {}, { desired: 'unknown', running: 'unknown' }],
  ])('reads a %s document, and unknown is never zero', async (_name, body, expected) => {
    nock(API, authorised).get('/capsules/cap-1').reply(200, body);
    await expect(make(new Clock()).observe('cap-1')).resolves.toEqual(expected);
  });

  it('refuses an answer that is no document, naming the address to check', async () => {
    nock(API).get('/capsules/cap-1').reply(200, '<html>Welcome</html>');
    const error = await refusal(make(new Clock()).observe('cap-1'));
    expect(error.kind).toBe('rejected');
    expect(error.message).toContain('CC_API_URL');
  });
});

describe('the products shape', () => {
  it('reads the sizes first and sends them back untouched with the replicas', async () => {
    const read = { id: 'cap-1', products: { ...SIZES, replicaScale: { qty: 0 }, gpu: { qty: 0 } } };
    nock(CLUSTER, authorised).get('/capsule/cap-1').reply(200, read);
    nock(CLUSTER, authorised)
      .patch('/capsules/cap-1/products', { ...SIZES, replicaScale: { qty: 1 } })
      .reply(200, {});
    await make(new Clock(), { dialect: 'products' }).scale('cap-1', 1);
  });

  it('keeps the graphics processor of a capsule that has one', async () => {
    const products = { ...SIZES, gpu: { qty: 1 } };
    nock(CLUSTER).get('/capsule/cap-1').reply(200, { products });
    nock(CLUSTER)
      .patch('/capsules/cap-1/products', { ...products, replicaScale: { qty: 1 } })
      .reply(200, {});
    await make(new Clock(), { dialect: 'products' }).scale('cap-1', 1);
  });

  it('observes the desired count among the products', async () => {
    nock(CLUSTER)
      .get('/capsule/cap-1')
      .reply(200, { products: { replicaScale: { qty: 2 } } });
    const observation = await make(new Clock(), { dialect: 'products' }).observe('cap-1');
    expect(observation).toEqual({ desired: 2, running: 'unknown' });
  });

  it.each([
    ['memory', { cpu: SIZES.cpu, storage: SIZES.storage }, 'products.memory'],
    ['a unit', { ...SIZES, cpu: { qty: 1 } }, 'products.cpu.unit'],
    ['a quantity', { ...SIZES, storage: { unit: 'G' } }, 'products.storage.qty'],
    ['everything', undefined, 'products'],
  ])('sends nothing when %s is missing, and says which field', async (_name, products, field) => {
    nock(CLUSTER).get('/capsule/cap-1').reply(200, { products });
    const error = await refusal(make(new Clock(), { dialect: 'products' }).scale('cap-1', 1));
    expect(error).toMatchObject({ kind: 'rejected', mayHaveApplied: false });
    expect(error.message).toContain(field);
    expect(error.message).toContain('CC_API_DIALECT');
  });
});

describe('what a capsule is and has', () => {
  it('is read from the cluster, whatever shape is in use', async () => {
    const products = { ...SIZES, gpu: { qty: 1 }, replicaScale: { qty: 0 } };
    nock(CLUSTER, authorised).get('/capsule/cap-1').reply(200, { type: 'backend', products });
    await expect(make(new Clock(), { dialect: 'capsule' }).describe?.('cap-1')).resolves.toEqual({
      type: 'backend',
      sizes: { cpu: '250 m', memory: '0.5 G', storage: '3 G', gpu: '1' },
    });
  });

  it('is not known of a document that tells no sizes, nor without the address of the cluster', async () => {
    nock(CLUSTER).get('/capsule/cap-1').reply(200, { type: 'backend' });
    await expect(make(new Clock()).describe?.('cap-1')).resolves.toBeUndefined();
    await expect(make(new Clock(), { clusterUrl: undefined }).describe?.('cap-1')).resolves.toBeUndefined();
  });
});

describe('what is refused before anything is sent', () => {
  it.each(['', '.', '..'])('the capsule id "%s"', async (id) => {
    const error = await refusal(make(new Clock()).observe(id));
    expect(error.kind).toBe('rejected');
    expect(error.message).toContain('CC_CAPSULE_ID_');
  });

  it.each([-1, 0.5, NaN])('%d replicas', async (replicas) => {
    expect((await refusal(make(new Clock()).scale('cap-1', replicas))).kind).toBe('rejected');
  });

  it.each([
    ['CC_API_URL', { apiUrl: 'http://api.capsules.test' }],
    ['CC_API_URL', { apiUrl: 'nonsense' }],
    ['CC_CLUSTER_URL', { dialect: 'products' as const }],
    ['CC_AUTH_URL', { credentials: { email: 'a', password: 'b', apiKey: 'c' } }],
  ])('an address that is missing or unsafe: %s', (variable, options) => {
    const base = { dialect: 'capsule' as const, apiUrl: API, credentials: { token: TOKEN } };
    expect(() => createCodeCapsulesPlatform({ ...base, ...options })).toThrow(variable);
  });
});
