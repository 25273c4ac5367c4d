// Colours for code. Loaded only when a code block is on the screen.
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import csharp from 'highlight.js/lib/languages/csharp';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import dockerfile from 'highlight.js/lib/languages/dockerfile';
import go from 'highlight.js/lib/languages/go';
import ini from 'highlight.js/lib/languages/ini';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import kotlin from 'highlight.js/lib/languages/kotlin';
import markdown from 'highlight.js/lib/languages/markdown';
import php from 'highlight.js/lib/languages/php';
import python from 'highlight.js/lib/languages/python';
import ruby from 'highlight.js/lib/languages/ruby';
import rust from 'highlight.js/lib/languages/rust';
import shell from 'highlight.js/lib/languages/shell';
import sql from 'highlight.js/lib/languages/sql';
import swift from 'highlight.js/lib/languages/swift';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';

const languages = {
  bash, c, cpp, csharp, css, diff, dockerfile, go, ini, java, javascript, json, kotlin, markdown, php, python, ruby, rust,
  shell, sql, swift, typescript, xml, yaml,
};
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);
hljs.registerAliases(['svelte', 'vue', 'html'], { languageName: 'xml' });

/** Longer code stays plain: colouring it would hold up the page. */
const LONGEST = 40_000;

/** The code as pieces with their colour's class names. */
export interface Piece {
  text: string;
  classes: string;
}

/** `code` coloured as `language`; null when that language is not known here. */
export function highlight(code: string, language: string): Piece[] | null {
  if (code.length > LONGEST || !hljs.getLanguage(language)) return null;
  const pieces: Piece[] = [];
  // The library's output is a small, known form of HTML. It is read in a document of its own, where nothing runs or loads,
  // and only texts and class names are taken over.
  const page = new DOMParser().parseFromString(hljs.highlight(code, { language }).value, 'text/html');
  const walk = (node: Node, classes: string): void => {
    for (const child of node.childNodes) {
      if (child instanceof Text) pieces.push({ text: child.data, classes });
      else if (child instanceof HTMLElement) walk(child, child.className);
      else walk(child, classes);
    }
  };
  walk(page.body, '');
  return pieces;
}
