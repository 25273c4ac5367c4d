// Where the user was last, kept in this browser, so that opening the app leads back there.

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Without storage the app opens at its first place.
  }
}

export const lastPlace = {
  org: (): string | null => read('slipway.last-org'),
  channel: (org: string): string | null => read(`slipway.last-channel.${org}`),
  enterOrg: (org: string): void => write('slipway.last-org', org),
  enterChannel: (org: string, channel: string): void => write(`slipway.last-channel.${org}`, channel),
};
