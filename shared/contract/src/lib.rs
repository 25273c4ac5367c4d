//! Every type that crosses a Slipway process: ids, REST resources, chat events, socket frames, object commands, problems.
//!
//! Invariant: data only. Nothing here decides, stores or does I/O, so a client can depend on it alone.

pub mod actor;
pub mod approval;
pub mod events;
pub mod files;
pub mod http;
pub mod ids;
pub mod limits;
pub mod objects;
pub mod preview;
pub mod problem;
pub mod sandbox;
pub mod socket;
pub mod time;

pub use actor::{Actor, AgentSlug, Participant, ParticipantId, ParticipantRole};
pub use ids::*;
pub use problem::{Problem, ProblemCode};
pub use time::Timestamp;
