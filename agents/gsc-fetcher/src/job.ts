export { input, output, run } from './jobs/gsc-fetcher';
