/** Flow control: how many runs of a kind may be under way, how fast they may start, and whose turn it is. */
export * from './admission';
export * from './rules';
export * from './why';
export * from './words';
