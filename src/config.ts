/** The configuration: zod over the environment, read once, all errors at once, secrets redacted. */
export { loadConfig } from './config/load';
export type { Config, Env, LoadedConfig } from './config/load';
export type { GrpcConfig } from './config/grpc';
export type { NotifyConfig } from './config/notify';
export type { PlatformConfig } from './config/platform';
export { Secret } from './config/secret';
export type { TracesConfig } from './config/traces';
export { GROUPS, VARIABLES } from './config/variables';
export type { Group, Variable, VariableName } from './config/variables';
