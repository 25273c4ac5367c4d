//! What people delete is gone, everywhere and for good, whatever dies on the way.

mod aged;
mod chats;
mod faults;
mod kept;
mod orgs;
mod people;
mod preview;
mod retention;
mod scene;
