// Shortcuts as text: `mod+shift+k`, where `mod` is Command on a Mac and Control elsewhere.

export const isMac = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.platform);

const CAPS: Record<string, string> = {
  mod: isMac ? '⌘' : 'Ctrl',
  alt: isMac ? '⌥' : 'Alt',
  shift: isMac ? '⇧' : 'Shift',
  arrowup: '↑',
  arrowdown: '↓',
  arrowleft: '←',
  arrowright: '→',
  enter: '↵',
  escape: 'Esc',
};

/** The keycaps of a shortcut, in the order in which they are pressed. */
export function capsOf(keys: string): string[] {
  return keys.split('+').map((key) => CAPS[key] ?? (key.length === 1 ? key.toUpperCase() : key));
}

/** Whether a key press is the shortcut. Shift is free for signs that need it on some keyboards, like `?`. */
export function matches(
  keys: string,
  press: Pick<KeyboardEvent, 'key' | 'metaKey' | 'ctrlKey' | 'altKey' | 'shiftKey'>,
  mac = isMac,
): boolean {
  const parts = keys.split('+');
  const key = parts.pop() ?? '';
  const wants = (name: string): boolean => parts.includes(name);
  const mod = mac ? press.metaKey : press.ctrlKey;
  const other = mac ? press.ctrlKey : press.metaKey;
  const letter = /^[a-z0-9]$|^[a-z]{2,}$/.test(key);
  return (
    press.key.toLowerCase() === key &&
    mod === wants('mod') &&
    !other &&
    press.altKey === wants('alt') &&
    (!letter || press.shiftKey === wants('shift'))
  );
}
