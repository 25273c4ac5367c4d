//! The object's SQLite as typed calls, and all-or-nothing writes.
//!
//! Invariants: every write takes a seal of the rows away, in the same transaction; and rows leave SQLite as one text column each, so that a statement crosses into Wasm once and no uncaught
//! JavaScript exception can arise while rows are read.

use std::cell::{Cell, RefCell};

use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use worker::{Error, Result, SqlStorage, SqlStorageValue, Storage};

#[wasm_bindgen]
extern "C" {
    type RawStorage;

    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &RawStorage,
        closure: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;
}

/// The object's database.
pub(crate) struct Sql {
    storage: Storage,
    sql: SqlStorage,
    /// Whether the rows are sealed for an archive.
    sealed: Cell<bool>,
}

/// A bound value.
pub(crate) type Value = SqlStorageValue;

impl Sql {
    /// Over the object's storage.
    pub(crate) fn new(storage: Storage) -> Self {
        let sql = storage.sql();
        Self { storage, sql, sealed: Cell::new(false) }
    }

    /// The storage behind it, for alarms and `sync`.
    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Bytes of the database.
    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.sql.database_size()).unwrap_or_default()
    }

    /// The rows are sealed from now on, or not.
    pub(crate) fn set_sealed(&self, sealed: bool) {
        self.sealed.set(sealed);
    }

    /// Something is about to be written: a seal goes.
    pub(crate) fn unseal(&self) -> Result<()> {
        if self.sealed.replace(false) {
            self.sql.exec("DELETE FROM archive", None).map(drop)?;
        }
        Ok(())
    }

    /// Runs a statement that gives no rows.
    pub(crate) fn run(&self, statement: &str, values: Vec<Value>) -> Result<()> {
        self.unseal()?;
        self.sql.exec(statement, values).map(drop)
    }

    /// The first column of every row, as text; `NULL` rows are left out. For reading: what writes says so by
    /// [`Self::unseal`] before.
    pub(crate) fn texts(&self, statement: &str, values: Vec<Value>) -> Result<Vec<String>> {
        let values: Vec<JsValue> = values.into_iter().map(JsValue::from).collect();
        let rows: Vec<std::collections::BTreeMap<String, Option<String>>> =
            self.sql.exec_raw(statement, values)?.to_array()?;
        Ok(rows.into_iter().filter_map(|row| row.into_values().next().flatten()).collect())
    }

    /// The first column of the first row, as text.
    pub(crate) fn text(&self, statement: &str, values: Vec<Value>) -> Result<Option<String>> {
        Ok(self.texts(statement, values)?.into_iter().next())
    }

    /// The first column of every row, read as JSON.
    pub(crate) fn rows<T: DeserializeOwned>(&self, statement: &str, values: Vec<Value>) -> Result<Vec<T>> {
        self.texts(statement, values)?
            .iter()
            .map(|text| serde_json::from_str(text).map_err(Error::from))
            .collect()
    }

    /// The first row's first column, read as JSON.
    pub(crate) fn row<T: DeserializeOwned>(&self, statement: &str, values: Vec<Value>) -> Result<Option<T>> {
        Ok(self.rows(statement, values)?.into_iter().next())
    }

    /// Runs `work` as one transaction: an error takes back all that it wrote.
    pub(crate) fn all_or_nothing<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let sealed = self.sealed.get();
        let mut work = Some(work);
        let outcome: RefCell<Option<Result<T>>> = RefCell::new(None);
        let mut run = || {
            let done = work.take().map(|work| work());
            let failed = !matches!(done, Some(Ok(_)));
            outcome.replace(done);
            if failed { Err(JsValue::from_str("rolled back")) } else { Ok(JsValue::UNDEFINED) }
        };
        let raw: &RawStorage = self.storage.as_raw().unchecked_ref();
        let thrown = raw.transaction_sync(&mut run);
        let done = match (outcome.into_inner(), thrown) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(thrown)) => Err(thrown.into()),
            (Some(Ok(done)), Ok(_)) => Ok(done),
            (None, Ok(_)) => Err(Error::RustError("the transaction did not run".to_owned())),
        };
        if done.is_err() {
            self.sealed.set(sealed);
        }
        done
    }
}

/// A number that SQLite keeps exactly.
pub(crate) fn int(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
