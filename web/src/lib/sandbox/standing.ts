// What a person may do about an open question. The server decides; this saves them a refusal.
import type { Question } from '#lib/chat/approvals.ts';

export type Standing =
  /** The person may approve and deny. */
  | { may: 'decide' }
  /** Somebody else has to approve; the person may only deny. */
  | { may: 'deny'; why: string }
  | { may: 'nothing'; why: string };

export interface Judge {
  me: string;
  guest: boolean;
  /** Whether others in the chat could decide; undefined where that is not known. */
  others?: boolean | undefined;
}

export function standing(question: Question, { me, guest, others }: Judge): Standing {
  if (question.state !== 'open') return { may: 'nothing', why: '' };
  if (guest) return { may: 'nothing', why: 'Guests do not decide. A member of this chat has to.' };
  if (question.answers.some((answer) => answer.user === me && answer.approve)) {
    const missing = approvalsMissing(question);
    return { may: 'nothing', why: `You approved. ${missing === 1 ? 'One more person has' : `${missing} more people have`} to.` };
  }
  if (question.user !== me) return { may: 'decide' };
  const rule = question.ask.self_approval;
  if (rule === 'always' || (rule === 'when_alone' && others !== true)) return { may: 'decide' };
  return { may: 'deny', why: 'You asked for this, so somebody else in the chat has to approve it.' };
}

/** How many more people have to approve. */
export const approvalsMissing = (question: Question): number =>
  Math.max(0, question.ask.quorum - question.answers.filter((answer) => answer.approve).length);
