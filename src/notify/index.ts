/** Telling people: alerts, questions that wait for them, tests. */
export { openChannels, type Channels, type ChannelsConfig } from './channels';
export { CALL_MS, type Channel, type Outgoing, type SendOutcome } from './channel';
export { NOTIFY, Notifier, type ChannelState, type NotifySample, type TestOutcome } from './notifier';
