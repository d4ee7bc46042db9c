export { input, output, run } from './jobs/hello';
