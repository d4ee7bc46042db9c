export { input, output, run } from './jobs/site-crawler';
