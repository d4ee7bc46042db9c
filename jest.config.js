/** Packages that are ES modules alone: Node takes them as they are, Jest's own loader does not. */
const ES_MODULES = ['openid-client', 'oauth4webapi', 'jose'].join('|');

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  // nock keeps its patches of node:http on the global scope; Jest need not warn of that.
  testEnvironmentOptions: { globalsCleanup: 'off' },
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
    [`/node_modules/(${ES_MODULES})/.+\\.js$`]: [
      '@swc/jest',
      { jsc: { parser: { syntax: 'ecmascript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${ES_MODULES})/)`],
  // One Postgres and one Redis for the run; they end with it, however it ends.
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  testTimeout: 180_000,
  // One more than the two cores this is meant for: files that start processes mostly wait for them.
  maxWorkers: 3,
  // What one file left in memory slows the next; a worker that has grown so much is replaced.
  workerIdleMemoryLimit: '600MB',
  // Tests that are marked as concurrent do nothing but wait.
  maxConcurrency: 12,
};
