//! No operation shows or changes anything of an org to anybody who has no business there.

mod attacks;
mod interleaved;
mod land;
mod operations;
