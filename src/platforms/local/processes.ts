/** Process groups, as the capsules of this machine need them. */
export * from '../../os/process-groups';
