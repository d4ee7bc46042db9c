export { input, output, run } from './jobs/report-notifier';
