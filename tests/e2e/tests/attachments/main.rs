//! Files in chats from outside: put there in parts, read by those who take part, and what is left when parts die.

mod faults;
mod links;
mod pictures;
mod rules;
mod story;
