//! Tells the listeners who came and went, when enough time has passed.
//!
//! Invariant: while there is something to tell, a timer runs, and a timer keeps the object from sleeping; so what is in
//! memory of who was told what is never lost but with the connections themselves.

use std::rc::Rc;
use std::time::Duration;

use slipway_contract::socket::ServerFrame;
use slipway_domain::chat::presence::Digest;
use slipway_edge::clock;
use worker::Delay;

use crate::room::Room;
use crate::sockets;

/// Somebody came or went: sets the timer by which the others are told.
pub(crate) fn arm(room: &Rc<Room>) {
    let now = clock::now();
    let next = room.seats.with_presence(&room.state, |presence| presence.next());
    let Some(due) = next.map(|due| due.max(now)) else { return };
    if room.seats.due.get().is_some_and(|set| set <= due) {
        return;
    }
    room.seats.due.set(Some(due));
    let teller = Rc::clone(room);
    room.state.wait_until(async move {
        Delay::from(Duration::from_millis(due.since(now).unsigned_abs())).await;
        // Otherwise an earlier timer has taken its place.
        if teller.seats.due.get() == Some(due) {
            teller.seats.due.set(None);
            tell(&teller);
            arm(&teller);
        }
    });
}

fn tell(room: &Rc<Room>) {
    let digest = room.seats.with_presence(&room.state, |presence| presence.digest(clock::now()));
    if let Some(Digest { count, came, went, present }) = digest {
        sockets::tell(room, &ServerFrame::Presence { count: number(count), came, went, present });
    }
}

/// A count as frames have it.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
