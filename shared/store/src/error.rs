//! What can go wrong with the database, grouped by what the caller can do about it.

use tokio_postgres::error::SqlState;

/// A statement did not do its work. Nothing of its transaction is kept, unless the answer to COMMIT was lost.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or takes nobody now: try again in a while.
    #[error("the database is not available for {statement}")]
    Unavailable {
        /// The function whose statement it was.
        statement: &'static str,
        /// What the driver says.
        source: tokio_postgres::Error,
    },
    /// Somebody else changed the same rows: try the whole transaction again at once.
    #[error("{statement} was overtaken by another transaction")]
    Overtaken {
        /// The function whose statement it was.
        statement: &'static str,
    },
    /// What is to be stored collides with what is there.
    #[error("{0}")]
    Conflict(Conflict),
    /// What the statement is about is not there, or not in this scope.
    #[error("{statement} found nothing")]
    NotFound {
        /// The function whose statement it was.
        statement: &'static str,
    },
    /// Our fault.
    #[error("{statement} failed")]
    Internal {
        /// The function whose statement it was.
        statement: &'static str,
        /// Why.
        source: Cause,
    },
}

/// With what a new row collides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The address has an account.
    #[error("the address has an account")]
    EmailTaken,
    /// The name or slug is taken within the org.
    #[error("the name is taken within the org")]
    NameTaken,
    /// The org has as many of these as it may have.
    #[error("the org has as many as it may have")]
    Full,
}

/// Why a failure is ours.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The database refused the statement.
    #[error("the database refused it")]
    Refused(#[source] tokio_postgres::Error),
    /// A column does not hold what the code expects.
    #[error("column {0} does not fit")]
    Column(&'static str),
    /// Another number of rows than the statement is to touch.
    #[error("{0} rows were touched")]
    Rows(u64),
    /// An earlier statement of the transaction failed, so nothing can be committed.
    #[error("the transaction had failed already")]
    Aborted,
}

impl StoreError {
    /// The function whose statement failed, for the logs.
    pub const fn statement(&self) -> &'static str {
        match self {
            Self::Unavailable { statement, .. }
            | Self::Overtaken { statement }
            | Self::NotFound { statement }
            | Self::Internal { statement, .. } => statement,
            Self::Conflict(_) => "",
        }
    }

    /// The five characters by which Postgres names what happened, where it said something.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Unavailable { source, .. } | Self::Internal { source: Cause::Refused(source), .. } => {
                source.code().map(SqlState::code)
            }
            Self::Overtaken { .. } | Self::Conflict(_) | Self::NotFound { .. } | Self::Internal { .. } => {
                None
            }
        }
    }

    pub(crate) fn of(statement: &'static str, error: tokio_postgres::Error) -> Self {
        // An error without a code never came from the server: the connection is gone, or could not be made.
        let Some(code) = error.code() else {
            let ours = !error.is_closed() && std::error::Error::source(&error).is_some_and(ours);
            return if ours {
                Self::Internal { statement, source: Cause::Refused(error) }
            } else {
                Self::Unavailable { statement, source: error }
            };
        };
        let constraint = error.as_db_error().and_then(tokio_postgres::error::DbError::constraint);
        match (code.code(), constraint) {
            ("23505", Some("users_email_key")) => Self::Conflict(Conflict::EmailTaken),
            ("23505", Some("channels_name_key" | "agents_slug_key")) => Self::Conflict(Conflict::NameTaken),
            // Two changes of the default agent at once; serialization failure; deadlock.
            ("23505", Some("agents_one_default")) | ("40001" | "40P01", _) => Self::Overtaken { statement },
            // A foreign key: what the row belongs to is not there, or belongs to another org.
            ("23503", _) => Self::NotFound { statement },
            // Connection (08), resources (53), shut-down and killed sessions (57P, 57014), idle transaction ended (25P03),
            // a pooler that has no server (58).
            (code, _)
                if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class))
                    || code == "25P03" =>
            {
                Self::Unavailable { statement, source: error }
            }
            (_, _) => Self::Internal { statement, source: Cause::Refused(error) },
        }
    }
}

/// Errors of our own making on the client's side: a value that does not convert. All others there are I/O.
fn ours(source: &(dyn std::error::Error + 'static)) -> bool {
    !source.is::<std::io::Error>()
}
