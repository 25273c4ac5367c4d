// One line for screen readers about what is new: who wrote, which agent began and ended. The transcript itself stays
// silent, because streamed text would be read out over and over.
import { gist } from '#lib/attachments/box.ts';
import { plain } from '#lib/markdown/plain.ts';

import { type ChatLog, keyOf } from './log.ts';

export class Announcer {
  #seq = 0;
  #turns = new Map<string, string>();
  #questions = new Map<string, string>();

  /** What is there already is no news. */
  start(log: ChatLog): void {
    this.#seq = log.last;
    for (const turn of log.turns.values()) this.#turns.set(turn.id, turn.state);
    for (const question of log.questions.values()) this.#questions.set(question.id, question.state);
  }

  /** The newest thing to say, if there is one. */
  next(log: ChatLog, me: string, nameOf: (key: string) => string): string | null {
    if (this.#seq === 0) return null;
    let line: string | null = null;
    for (const turn of log.turns.values()) {
      const before = this.#turns.get(turn.id);
      if (before === turn.state) continue;
      this.#turns.set(turn.id, turn.state);
      if (turn.summary) continue;
      const name = turn.agent ? nameOf(turn.agent) : 'The agent';
      if (turn.state === 'running' && before !== 'waiting') line = `${name} started to answer.`;
      if (turn.state === 'completed') line = `${name} finished its answer.`;
      if (turn.state === 'failed') line = `${name} could not answer.`;
      if (turn.state === 'cancelled') line = `${name} was stopped.`;
    }
    for (const question of log.questions.values()) {
      const before = this.#questions.get(question.id);
      if (before === question.state) continue;
      this.#questions.set(question.id, question.state);
      if (question.state === 'open') line = `${nameOf(keyOf(question.askedBy))} asks for an approval.`;
      else if (before !== undefined) line = `The approval was ${question.state === 'approved' ? 'given' : question.state}.`;
    }
    for (const message of log.messages.values()) {
      if (message.seq <= this.#seq || message.turn || message.deleted || keyOf(message.author) === me) continue;
      line = `${nameOf(keyOf(message.author))}: ${plain(gist(message.text, message.attachments)).slice(0, 160)}`;
    }
    this.#seq = log.last;
    return line;
  }
}
