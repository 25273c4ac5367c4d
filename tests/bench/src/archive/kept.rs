//! What R2 has of an archived chat, and what of that two archives of the unchanged chat have in common.
//!
//! Invariant: the digest is of every row of every table, in their order. Left out are an archive's own name, where its parts
//! end, and how far the words of the chat's search were gathered, which are gathered anew when it comes back.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use slipway_contract::objects::archive::{ArchiveManifest, TableHeader};

use crate::setting::Setting;

/// An archive, read whole.
pub(super) struct Kept {
    /// Where its parts lie in R2.
    pub(super) parts: Vec<String>,
    pub(super) rows: u64,
    /// Bytes of JSON lines.
    pub(super) raw: u64,
    /// Bytes in R2, the manifest among them.
    pub(super) packed: u64,
    /// SHA-256 of what the chat holds.
    pub(super) digest: String,
}

impl Kept {
    pub(super) async fn read(setting: &Setting, chat: &str, archive: &str) -> Result<Self> {
        let folder = format!("orgs/{}/chats/{chat}/archives/{archive}", setting.org_id().await?);
        let manifest = object(setting, &format!("{folder}/manifest.json")).await?;
        let mut kept =
            Self { parts: Vec::new(), rows: 0, raw: 0, packed: manifest.len() as u64, digest: String::new() };
        let manifest: ArchiveManifest = serde_json::from_slice(&manifest).context("no manifest")?;
        let mut rows = Rows::default();
        for part in &manifest.parts {
            let key = format!("{folder}/part-{:05}.jsonl.gz", part.part);
            let lines = object(setting, &format!("{key}?unpack")).await?;
            ensure!(hexadecimal(&Sha256::digest(&lines)) == part.raw_sha256, "{key} is damaged");
            rows.take(core::str::from_utf8(&lines)?)?;
            kept.rows += part.rows;
            kept.raw += part.raw_bytes;
            kept.packed += part.packed_bytes;
            kept.parts.push(key);
        }
        kept.digest = rows.digest();
        Ok(kept)
    }
}

async fn object(setting: &Setting, key: &str) -> Result<Vec<u8>> {
    let reply = setting.http().get(setting.peer(&format!("r2/{key}"))).send().await?;
    Ok(reply.error_for_status()?.bytes().await?.to_vec())
}

/// Rows of parts that follow each other.
#[derive(Default)]
struct Rows {
    hash: Sha256,
    table: Option<TableHeader>,
}

impl Rows {
    fn take(&mut self, part: &str) -> Result<()> {
        // The first line is the part's own.
        for line in part.lines().skip(1) {
            if line.starts_with('{') {
                let table: TableHeader = serde_json::from_str(line)?;
                if self.table.as_ref() != Some(&table) {
                    self.line(line);
                    self.table = Some(table);
                }
                continue;
            }
            match &self.table {
                Some(table) if table.table == "chat" => {
                    let mut row: Vec<Value> = serde_json::from_str(line)?;
                    let worded = table.columns.iter().position(|column| column == "worded");
                    *worded.and_then(|at| row.get_mut(at)).context("no column `worded`")? = Value::Null;
                    let row = serde_json::to_string(&row)?;
                    self.line(&row);
                }
                Some(_) => self.line(line),
                None => bail!("a row of no table: {line}"),
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &str) {
        self.hash.update(line);
        self.hash.update("\n");
    }

    fn digest(self) -> String {
        hexadecimal(&self.hash.finalize())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::Rows;

    const CHAT: &str = r#"{"table":"chat","columns":["only","worded"]}"#;
    const EVENTS: &str = r#"{"table":"events","columns":["seq","event"]}"#;

    fn digest(parts: &[&[&str]]) -> String {
        let mut rows = Rows::default();
        for part in parts {
            rows.take(&part.join("\n")).unwrap();
        }
        rows.digest()
    }

    #[test]
    fn only_a_row_makes_a_difference() {
        let one = digest(&[&["first", CHAT, "[1,7]", EVENTS, "[1,\"a\"]", "[2,\"b\"]"]]);
        let other = digest(&[&["1", CHAT, "[1,9]", EVENTS, "[1,\"a\"]"], &["2", EVENTS, "[2,\"b\"]"]]);
        assert_eq!(one, other);
        let changed = digest(&[&["first", CHAT, "[1,7]", EVENTS, "[1,\"a\"]", "[2,\"c\"]"]]);
        let lost = digest(&[&["first", CHAT, "[1,7]", EVENTS, "[1,\"a\"]"]]);
        let swapped = digest(&[&["first", CHAT, "[1,7]", EVENTS, "[2,\"b\"]", "[1,\"a\"]"]]);
        let elsewhere = digest(&[&["first", CHAT, "[2,7]", EVENTS, "[1,\"a\"]", "[2,\"b\"]"]]);
        for different in [changed, lost, swapped, elsewhere] {
            assert_ne!(one, different);
        }
        assert!(Rows::default().take("first\n[1]").is_err());
    }
}
