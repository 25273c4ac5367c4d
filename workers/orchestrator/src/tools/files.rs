//! `write_file`, `read_file`, `list_files`, `delete_file`.

use futures::StreamExt;
use slipway_contract::limits::SANDBOX_FILE_BYTES;
use slipway_contract::objects::executor::{ExecutorCode, FileKind, FileList};
use slipway_contract::objects::tools::ToolFrame;

use super::arguments::WriteFile;
use super::desk::{Desk, Usable};
use super::{done, error, output};
use crate::artifacts::below_workspace;
use crate::executor::{ExecutorError, File, Found};

/// Most of a file that is looked at, in bytes; of that the agent is told the beginning and the end.
const LOOK_BYTES: usize = 512 * 1024;

impl Desk<'_> {
    pub(super) async fn write_file(&mut self, wanted: WriteFile) -> ToolFrame {
        let Usable { row, executor } = match self.usable().await {
            Ok(usable) => usable,
            Err(frame) => return frame,
        };
        let path = below_workspace(&wanted.path);
        if wanted.content.len() > SANDBOX_FILE_BYTES {
            return error(format!("The file must have at most {} MiB.", SANDBOX_FILE_BYTES >> 20));
        }
        match executor.write(row.id, path, wanted.content.as_bytes()).await {
            Ok(()) => done(format!("Wrote {} bytes to {path}.", wanted.content.len())),
            Err(error) => self.failed(&row, &format!("Writing {path}"), error).await,
        }
    }

    pub(super) async fn read_file(&mut self, path: &str) -> ToolFrame {
        let Usable { row, executor } = match self.usable().await {
            Ok(usable) => usable,
            Err(frame) => return frame,
        };
        let path = below_workspace(path);
        match executor.read(row.id, path).await {
            Ok(Found::File(file)) => match look(file).await {
                Ok((bytes, whole)) => read(path, &bytes, whole),
                Err(error) => self.failed(&row, &format!("Reading {path}"), error).await,
            },
            Ok(Found::Folder(list)) => error(format!("{path} is a folder.\n{}", listed(&list))),
            Err(missing) if missing.code() == Some(ExecutorCode::NotFound) => {
                error(format!("There is no file {path}."))
            }
            Err(error) => self.failed(&row, &format!("Reading {path}"), error).await,
        }
    }

    pub(super) async fn list_files(&mut self, path: &str) -> ToolFrame {
        let Usable { row, executor } = match self.usable().await {
            Ok(usable) => usable,
            Err(frame) => return frame,
        };
        let path = if path == "/workspace" { "" } else { below_workspace(path) };
        match executor.read(row.id, path).await {
            Ok(Found::Folder(list)) => done(listed(&list)),
            Ok(Found::File(_)) => error(format!("{path} is a file; read it with read_file.")),
            Err(missing) if missing.code() == Some(ExecutorCode::NotFound) => {
                error(format!("There is no folder {path}."))
            }
            Err(error) => self.failed(&row, &format!("Listing {path}"), error).await,
        }
    }

    pub(super) async fn delete_file(&mut self, path: &str) -> ToolFrame {
        let Usable { row, executor } = match self.usable().await {
            Ok(usable) => usable,
            Err(frame) => return frame,
        };
        let path = below_workspace(path);
        match executor.delete(row.id, path).await {
            // Not there any more, perhaps since this was asked before.
            Ok(()) => done(format!("Deleted {path}.")),
            Err(missing) if missing.code() == Some(ExecutorCode::NotFound) => {
                done(format!("There is no {path} (any more)."))
            }
            Err(error) => self.failed(&row, &format!("Deleting {path}"), error).await,
        }
    }
}

/// A file's beginning, and whether that is all of it.
async fn look(mut file: File) -> Result<(Vec<u8>, bool), ExecutorError> {
    let mut bytes = Vec::new();
    while let Some(more) = file.body.next().await {
        let mut more = more.map_err(|_| ExecutorError::Unavailable { cause: "the file was cut" })?;
        bytes.append(&mut more);
        if bytes.len() > LOOK_BYTES {
            bytes.truncate(LOOK_BYTES);
            return Ok((bytes, false));
        }
    }
    Ok((bytes, true))
}

/// What the agent is told of a file's bytes.
fn read(path: &str, bytes: &[u8], whole: bool) -> ToolFrame {
    let text = match core::str::from_utf8(bytes) {
        Ok(text) => text,
        // The end of what was looked at may stand within a character.
        Err(error) if !whole && error.error_len().is_none() => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            core::str::from_utf8(good).unwrap_or_default()
        }
        Err(_) => return done(format!("{path} is no text.")),
    };
    if text.contains('\0') {
        return done(format!("{path} is no text."));
    }
    if text.is_empty() {
        return done(format!("{path} is empty."));
    }
    let mut told = output::shortened(text);
    if !whole {
        told.push_str(&format!("\n… and more than the {} KiB that were looked at …", LOOK_BYTES >> 10));
    }
    done(told)
}

/// One line an entry.
fn listed(list: &FileList) -> String {
    let mut lines: Vec<String> = list
        .entries
        .iter()
        .map(|entry| match entry.kind {
            FileKind::File => format!("{} ({} bytes)", entry.name, entry.bytes),
            FileKind::Folder => format!("{}/", entry.name),
            FileKind::Link => format!("{} (link)", entry.name),
            FileKind::Other => format!("{} (neither file nor folder)", entry.name),
        })
        .collect();
    if list.truncated {
        lines.push("… and more".to_owned());
    }
    if lines.is_empty() { "The folder is empty.".to_owned() } else { output::shortened(&lines.join("\n")) }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use slipway_contract::Timestamp;
    use slipway_contract::objects::executor::FileEntry;

    use super::*;

    fn told(frame: ToolFrame) -> String {
        let ToolFrame::Result { content, .. } = frame else { panic!("{frame:?}") };
        content
    }

    #[test]
    fn a_file_is_told_as_text_or_said_to_be_none() {
        let cases: [(&[u8], bool, &str); 6] = [
            (b"hi\n", true, "hi\n"),
            (b"", true, "a is empty."),
            (b"\x89PNG\r\n\x1a\n", true, "a is no text."),
            (b"a\0b", true, "a is no text."),
            ("ä".as_bytes().split_at(1).0, true, "a is no text."),
            (b"x\xc3", false, "x\n… and more than the 512 KiB that were looked at …"),
        ];
        for (bytes, whole, expected) in cases {
            assert_eq!(told(read("a", bytes, whole)), expected);
        }
    }

    #[test]
    fn a_folder_is_told_line_by_line() {
        let entry = |name: &str, kind| FileEntry {
            name: name.to_owned(),
            kind,
            bytes: 12,
            changed_at: Timestamp::from_unix_ms(0),
        };
        let mut list = FileList {
            entries: vec![
                entry("src", FileKind::Folder),
                entry("a.txt", FileKind::File),
                entry("l", FileKind::Link),
                entry("s", FileKind::Other),
            ],
            truncated: true,
        };
        expect![[r#"
            src/
            a.txt (12 bytes)
            l (link)
            s (neither file nor folder)
            … and more"#]]
        .assert_eq(&listed(&list));
        list = FileList { entries: Vec::new(), truncated: false };
        assert_eq!(listed(&list), "The folder is empty.");
    }
}
