import { describe, expect, it } from 'vitest';

import type { Upload } from './upload.ts';
import { Speaker, kindOf, share, standing } from './words.ts';

const upload = (clientId: string, state: Upload['state'], sent = 0, why?: string): Upload => ({
  clientId, name: `${clientId}.txt`, bytes: 100, modified: 0, at: 0, state, sent, why,
});

describe('what is said about uploads', () => {
  it('is their beginning, the half and the end, and nothing in between', () => {
    const speaker = new Speaker();
    expect([
      speaker.next([upload('a', 'queued'), upload('b', 'queued')]),
      speaker.next([upload('a', 'sending', 40), upload('b', 'sending', 40)]),
      speaker.next([upload('a', 'sending', 60), upload('b', 'sending', 40)]),
      speaker.next([upload('a', 'sending', 80), upload('b', 'sending', 60)]),
      speaker.next([upload('a', 'done', 100), upload('b', 'sending', 90)]),
      speaker.next([upload('a', 'done', 100), upload('b', 'done', 100)]),
      speaker.next([upload('a', 'done', 100), upload('b', 'done', 100)]),
    ]).toEqual([
      'Uploading 2 files.', null, 'Half of it is uploaded.', null, 'a.txt is uploaded.', 'All 2 files are uploaded.', null,
    ]);
  });

  it('names what failed, and why', () => {
    const speaker = new Speaker();
    expect(speaker.next([upload('a', 'sending')])).toBe('Uploading a.txt.');
    expect(speaker.next([upload('a', 'waiting')])).toBe('a.txt is interrupted and goes on soon.');
    expect(speaker.next([upload('a', 'failed', 0, 'Too large.')])).toBe('a.txt was not uploaded. Too large.');
  });

  it('is nothing about what was done before', () => {
    expect(new Speaker().next([upload('a', 'done', 100), upload('b', 'lost')])).toBeNull();
  });

  it('stands beside each in words', () => {
    expect([upload('a', 'sending', 40), upload('a', 'done', 100), upload('a', 'failed', 0, 'Too large.'), upload('a', 'lost')].map(standing)).toEqual([
      '40 bytes of 100 bytes', '100 bytes', 'Too large.', 'Interrupted. Choose the same file again to go on.',
    ]);
  });
});

describe('the share that is there', () => {
  it('is counted in bytes', () => {
    expect(share([upload('a', 'done', 100), upload('b', 'sending', 20)])).toBe(0.6);
    expect(share([])).toBe(0);
  });
});

describe('the kind of a file', () => {
  it('is told from its type alone', () => {
    expect(['image/png', 'application/pdf', 'text/markdown', 'application/octet-stream'].map(kindOf)).toEqual([
      'PNG image', 'PDF', 'Text', 'File',
    ]);
  });
});
