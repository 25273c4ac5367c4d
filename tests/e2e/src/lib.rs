//! Black-box tests against a running stack: the world they act in, the people in it, and the doubles of outside systems.
//!
//! Every reply is held against the API's own promises when it arrives (see [`answer`]), and every frame of a chat
//! against the log's order (see [`chat_socket`]), so each test checks them without saying so.

pub mod answer;
pub mod bed;
pub mod chat_socket;
pub mod dice;
pub mod fake_bridge;
pub mod fake_model;
pub mod forge;
pub mod hold;
pub mod person;
pub mod person_attachments;
pub mod person_chats;
pub mod person_context;
pub mod person_deletions;
pub mod person_floods;
pub mod person_forks;
pub mod person_orgs;
pub mod person_sandboxes;
pub mod person_search;
pub mod person_snapshots;
pub mod refusing;
pub mod team;
pub mod visitor;
pub mod wait;
pub mod world;

pub use answer::Answer;
pub use chat_socket::{ChatSocket, Heard};
pub use person::Person;
pub use refusing::Refusing;
pub use team::Team;
pub use visitor::Visitor;
pub use wait::{eventually, within};
pub use world::World;
