//! The store on a real Postgres, as the Workers' role, through the migrations of this repository.
//!
//! The modules are marked as tests so that the lints know their fixtures for what they are.

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod archives;
#[cfg(test)]
mod artifacts;
#[cfg(test)]
mod attachments;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod config;
#[cfg(test)]
mod context_items;
#[cfg(test)]
mod context_search;
#[cfg(test)]
mod counts;
#[cfg(test)]
mod deletion_previews;
#[cfg(test)]
mod deletions;
#[cfg(test)]
mod driven;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod index;
#[cfg(test)]
mod orgs;
#[cfg(test)]
mod places;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod sandboxes;
#[cfg(test)]
mod search;
#[cfg(test)]
mod search_pace;
#[cfg(test)]
mod server;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod sweeps;
#[cfg(test)]
mod tenancy;
#[cfg(test)]
mod unread;
#[cfg(test)]
mod unread_pace;
#[cfg(test)]
mod usage;
#[cfg(test)]
mod world;
