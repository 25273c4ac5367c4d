// Why a turn ended without an answer, and what one can do about it.
import type { TurnFailure } from '#lib/api/events.ts';

export interface Advice {
  title: string;
  todo: string;
  /** The agent's settings are where it is mended. */
  settings: boolean;
}

export function adviceFor(failure: TurnFailure): Advice {
  switch (failure.code) {
    case 'too_deep':
      return { title: 'Agents called each other too often', todo: 'Answer yourself, or mention the agent again.', settings: false };
    case 'queue_full':
      return { title: 'Too many answers are waiting', todo: 'Wait for one to finish, or stop one, then mention the agent again.', settings: false };
    case 'agent_unavailable':
      return { title: 'This agent is switched off or gone', todo: 'Switch it on in its settings, or mention another one.', settings: true };
    case 'not_configured':
      return { title: 'Its model is not set up', todo: 'Choose another model, or ask an admin to add the provider’s key.', settings: true };
    case 'authentication':
      return { title: 'The provider refused the key', todo: 'Ask an admin to renew the provider’s key.', settings: true };
    case 'refused':
      return { title: 'The provider refused this request', todo: 'Put it another way and mention the agent again.', settings: false };
    case 'context_too_long':
      return { title: 'The conversation is too long for its model', todo: 'Start a new chat, or choose a model that reads more.', settings: true };
    case 'provider_unavailable':
      return { title: 'The provider did not answer', todo: 'Mention the agent again in a moment.', settings: false };
    case 'too_many_steps':
      return { title: 'It took more steps than it may', todo: 'Ask for less at once.', settings: false };
    case 'interrupted':
      return { title: 'The work was interrupted', todo: 'Mention the agent again.', settings: false };
    case 'internal':
      return { title: 'Something went wrong on our side', todo: 'Mention the agent again. If it stays, tell your admin.', settings: false };
  }
}
