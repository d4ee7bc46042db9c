export { input, output, run } from './jobs/slack-notifier';
