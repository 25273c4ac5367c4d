//! Archives from outside: a chat leaves and comes back, what keeps it, and what is left when somebody dies in the middle.

mod blocked;
mod faults;
mod front;
mod hatch;
mod object;
mod refused;
mod scene;
mod snag;
mod story;
