//! A crowd that comes at once: what each listener is told of it does not grow with the crowd.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::Result;
use e2e::{ChatSocket, Person, Team, World};
use futures::future::try_join_all;
use slipway_contract::http::orgs::Role;
use slipway_contract::socket::ServerFrame;
use slipway_contract::{UserId, limits};

/// People in the crowd.
const CROWD: usize = 100;
/// Steps of preparation that are under way at once.
const AT_ONCE: usize = 10;
/// Tellings are this far apart, in seconds.
const GATHER_S: f64 = 2.0;

fn counted(frame: &ServerFrame) -> Option<u32> {
    if let ServerFrame::Presence { count, .. } = frame { Some(*count) } else { None }
}

/// Everybody's own id and what they know of who is here, after all that they heard.
fn known(socket: &ChatSocket) -> (BTreeSet<UserId>, u32) {
    let mut known: BTreeSet<UserId> = socket.present.iter().copied().collect();
    let mut counted = socket.count;
    for frame in socket.unheard() {
        if let ServerFrame::Presence { count, came, went, present } = frame {
            if let Some(present) = present {
                known = present.iter().copied().collect();
            }
            known.extend(came);
            known.retain(|user| !went.contains(user));
            counted = *count;
        }
    }
    (known, counted)
}

#[tokio::test]
async fn a_hundred_who_come_at_once_are_told_of_in_a_few_frames_each() -> Result<()> {
    let team = Team::found(&World::shared()?, "Crowd").await?;
    let chat = team.chat("Hall", &[]).await?;
    let numbers: Vec<usize> = (0..CROWD).collect();
    let mut people: Vec<Person> = Vec::new();
    for some in numbers.chunks(AT_ONCE) {
        let coming = some.iter().map(async |number| {
            let person = team.join(&format!("Guest {number}"), Role::Member).await?;
            team.owner.admit(chat.id, person.id()).await?;
            anyhow::Ok(person)
        });
        people.extend(try_join_all(coming).await?);
    }
    let mut hers = team.owner.socket(chat.id, None).await?;
    let begun = Instant::now();
    let mut sockets = try_join_all(people.iter().map(|person| person.socket(chat.id, None))).await?;
    let everybody = u32::try_from(CROWD)? + 1;
    hers.wait_for("the whole crowd", |frame| counted(frame).filter(|count| *count == everybody)).await?;
    let elapsed = begun.elapsed().as_secs_f64();
    // After this, everybody has heard all that was told before.
    let posted = hers.post("welcome", "welcome").await?;
    let mut frames = 0;
    for socket in &mut sockets {
        socket.reach(posted.seq).await?;
        frames += socket.unheard().filter_map(counted).count();
    }
    println!("{frames} frames of presence to {CROWD} sockets in {elapsed:.1} s");
    // One telling at once, one at the end, and one in each stretch between.
    let most = CROWD as f64 * (elapsed / GATHER_S + 2.0);
    assert!((frames as f64) <= most, "{frames} frames, more than {most}");
    let first = known(sockets.first().expect("somebody came"));
    assert_eq!((first.0.len(), first.1), (limits::PRESENT_NAMED, everybody));
    for socket in &sockets {
        assert_eq!(known(socket), first);
    }
    Ok(())
}
