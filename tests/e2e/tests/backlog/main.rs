//! The index far behind the chats: Postgres away while much is said, a long backlog in one chat, the longest messages. It
//! catches up by itself, by portions of a bounded size, and ends as the chats' logs say.

mod gate;
mod hour;
mod large;
mod many;
mod scene;
