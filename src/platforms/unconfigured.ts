import { PlatformError, type Platform } from './platform';

/** Stands where no platform is configured: an API to look at, and a clear reason why nothing wakes. */
export function unconfiguredPlatform(): Platform {
  const refuse = async (): Promise<never> => {
    throw new PlatformError('auth', 'no platform is configured: set CC_API_URL and CC_API_TOKEN');
  };
  return { name: 'unconfigured', scale: refuse, observe: refuse, close: async () => undefined };
}
