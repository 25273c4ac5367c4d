// The emoji that are one press away on every message.
export const QUICK = ['👍', '🎉', '👀'];
