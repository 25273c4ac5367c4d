//! What app-api asks of the orchestrator to find context items by what they mean: `POST /internal/embeddings/query` takes an
//! [`EmbedQuery`] and answers an [`Embedded`].

use serde::{Deserialize, Serialize};

use crate::ids::{OrgId, RequestId};

/// A text to be put into numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedQuery {
    /// The org, for the logs.
    pub org: OrgId,
    /// For the logs.
    pub request: RequestId,
    /// What is looked for.
    pub text: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Embedded {
    /// The numbers.
    Vector {
        /// The model that made them, as it stands with the items that it embedded.
        model: String,
        /// The numbers.
        vector: Vec<f32>,
    },
    /// No model is set up for this.
    NoModel,
    /// The provider failed; why is in the log.
    Failed,
}
