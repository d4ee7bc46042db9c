export { input, output, run } from './jobs/seo-analyser';
