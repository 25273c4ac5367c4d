// Files as people bring them: chosen, dropped or pasted. Small, because the composer needs it at once.

/** What came, and how many of it were folders, which cannot be taken. */
export interface Brought {
  files: File[];
  folders: number;
}

const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;

function brought(data: DataTransfer): Brought {
  const folders = [...data.items].filter((item) => item.kind === 'file' && item.webkitGetAsEntry?.()?.isDirectory).length;
  // A folder stands in `files` as well, as an empty file of its name; reading it would fail.
  const names = new Set([...data.items].flatMap((item) => {
    const entry = item.kind === 'file' ? item.webkitGetAsEntry?.() : null;
    return entry?.isDirectory ? [entry.name] : [];
  }));
  return { files: [...data.files].filter((file) => !names.has(file.name)), folders };
}

/** Files of a paste; none where there is text as well, which is what people mean then. */
export function pasted(data: DataTransfer | null): Brought {
  if (!data || data.files.length === 0 || data.types.includes('text/plain')) return { files: [], folders: 0 };
  return brought(data);
}

/**
 * Takes files that are dropped over `zone`, until the returned function is called; `over` is told while some hang over it.
 * Beside it nothing happens: by itself the browser would leave the page and show the file.
 */
export function dropZone(zone: HTMLElement, over: (on: boolean) => void, take: (what: Brought) => void): () => void {
  /** Elements within the zone that the pointer is over: entering one comes before leaving the other. */
  let depth = 0;
  const end = (): void => {
    depth = 0;
    over(false);
  };
  const enter = (event: DragEvent): void => {
    if (!carriesFiles(event)) return;
    depth += 1;
    over(true);
  };
  const leave = (event: DragEvent): void => {
    if (!carriesFiles(event)) return;
    depth -= 1;
    if (depth <= 0) end();
  };
  const hover = (event: DragEvent): void => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
    event.stopPropagation();
  };
  const drop = (event: DragEvent): void => {
    if (!carriesFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    event.stopPropagation();
    end();
    take(brought(event.dataTransfer));
  };
  const refuse = (event: DragEvent): void => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'none';
    end();
  };
  zone.addEventListener('dragenter', enter);
  zone.addEventListener('dragleave', leave);
  zone.addEventListener('dragover', hover);
  zone.addEventListener('drop', drop);
  window.addEventListener('dragover', refuse);
  window.addEventListener('drop', refuse);
  return () => {
    zone.removeEventListener('dragenter', enter);
    zone.removeEventListener('dragleave', leave);
    zone.removeEventListener('dragover', hover);
    zone.removeEventListener('drop', drop);
    window.removeEventListener('dragover', refuse);
    window.removeEventListener('drop', refuse);
  };
}
