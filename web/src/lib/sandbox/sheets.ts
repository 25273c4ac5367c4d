// Styles that the terminal makes while it runs, in a way that a content security policy without inline styles takes: style
// sheets made by script instead of <style> elements, and declarations instead of the text of a `style` attribute. The build
// puts these two in the place of the terminal's own calls (see `terminalStyles` in vite.config.ts).

/** Stands in for a <style> element: its text becomes a sheet of the document until it is removed. */
export function sheetElement(page: Document): HTMLElement {
  const element = page.createElement('span');
  element.hidden = true;
  const sheet = new CSSStyleSheet();
  let text = '';
  Object.defineProperty(element, 'textContent', {
    get: () => text,
    set: (value: string) => {
      text = value;
      sheet.replaceSync(value);
      if (!page.adoptedStyleSheets.includes(sheet)) page.adoptedStyleSheets.push(sheet);
    },
  });
  element.remove = () => {
    page.adoptedStyleSheets = page.adoptedStyleSheets.filter((one) => one !== sheet);
    HTMLElement.prototype.remove.call(element);
  };
  return element;
}

/** The same as `setAttribute('style', text)`. */
export function setStyle(element: HTMLElement, text: string): void {
  element.style.cssText = text;
}
