// Output of commands as coloured pieces of text: takes the colours of terminals (SGR) and leaves every other control
// sequence out. The answer is text and class names alone, so nothing of the output becomes markup.

export interface Piece {
  text: string;
  /** Class names of `styles/terminal.css`; empty for plain text. */
  classes: string;
}

interface Look {
  colour: string;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

const PLAIN: Look = { colour: '', bold: false, dim: false, italic: false, underline: false };
const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

// CSI with its parameters and final byte, OSC up to its end, or another escape of two or three characters.
const SEQUENCE = /\u001b(?:\[([0-9;:?<=>!]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[PX^_][^\u001b]*\u001b\\|[ -/]*[0-~])/g;
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/** The text of `output` in pieces of one look each. */
export function pieces(output: string): Piece[] {
  const made: Piece[] = [];
  let look = PLAIN;
  let from = 0;
  const add = (raw: string): void => {
    const text = overwritten(raw.replace(CONTROL, ''));
    if (text === '') return;
    const classes = classesOf(look);
    const last = made.at(-1);
    if (last?.classes === classes) last.text += text;
    else made.push({ text, classes });
  };
  // A sequence that is still coming is no text yet.
  const text = output.replace(/\u001b(?:\[[0-9;:?<=>! -/]*|\][^\u0007\u001b]*)?$/, '');
  for (const match of text.matchAll(SEQUENCE)) {
    add(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === 'm') look = looked(look, match[1] ?? '');
  }
  add(text.slice(from));
  return made;
}

/** The text alone. */
export const bare = (output: string): string => pieces(output).map((piece) => piece.text).join('');

/** A carriage return writes over its line: what stays is the last of it, as of a progress bar. */
function overwritten(text: string): string {
  if (!text.includes('\r')) return text;
  return text
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => {
      const end = line.endsWith('\r') ? line.slice(0, -1) : line;
      return end.slice(end.lastIndexOf('\r') + 1);
    })
    .join('\n');
}

function looked(look: Look, parameters: string): Look {
  let next = look;
  const codes = parameters === '' ? [0] : parameters.split(/[;:]/).map((code) => Number(code) || 0);
  for (let place = 0; place < codes.length; place += 1) {
    const code = codes[place]!;
    if (code === 0) next = PLAIN;
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 3) next = { ...next, italic: true };
    else if (code === 4) next = { ...next, underline: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 23) next = { ...next, italic: false };
    else if (code === 24) next = { ...next, underline: false };
    else if (code >= 30 && code <= 37) next = { ...next, colour: NAMES[code - 30]! };
    else if (code >= 90 && code <= 97) next = { ...next, colour: NAMES[code - 90]! };
    else if (code === 39) next = { ...next, colour: '' };
    else if (code === 38 || code === 48) {
      // Of the larger palettes only the first sixteen have a name here; the rest stays plain. Backgrounds always do.
      const index = codes[place + 1] === 5 ? codes[place + 2] : undefined;
      if (code === 38) next = { ...next, colour: index !== undefined && index < 16 ? NAMES[index % 8]! : '' };
      place += codes[place + 1] === 5 ? 2 : codes[place + 1] === 2 ? 4 : 0;
    }
  }
  return next;
}

function classesOf({ colour, bold, dim, italic, underline }: Look): string {
  return [
    colour && `ansi-${colour}`,
    bold && 'font-semibold',
    dim && 'opacity-75',
    italic && 'italic',
    underline && 'underline',
  ]
    .filter(Boolean)
    .join(' ');
}
