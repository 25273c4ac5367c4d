//! What agents are given beside what was said last, from outside: pins, rolling summaries, and the receipts that tell it.

mod pins;
mod receipts;
mod scene;
mod summaries;
