//! Structures that columns hold as JSON in text; see the migration for why that is not `jsonb`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Cause, StoreError};
use crate::row::Row;

/// The text of a structure.
pub(crate) fn text<T: Serialize>(statement: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|_| StoreError::Internal { statement, source: Cause::Column("a structure") })
}

/// The structure in a column.
pub(crate) fn read<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, StoreError> {
    let text: String = row.read(column)?;
    serde_json::from_str(&text)
        .map_err(|_| StoreError::Internal { statement: row.statement, source: Cause::Column(column) })
}
