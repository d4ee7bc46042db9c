export * from './breaker';
export * from './rules';
export * from './words';
export * from './tasks';
