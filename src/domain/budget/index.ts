/** Budgets, caps, and what is spent; pure. */
export * from './budget';
export * from './estimate';
export * from './spend';
export * from './watch';
