//! The chat's socket: every event once and in order however often one comes back, and what a server does with
//! clients that misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use e2e::chat_socket::Opened;
use e2e::dice::Dice;
use e2e::{ChatSocket, Heard, Person, Team, World, eventually};
use futures::future::{join, try_join_all};
use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::chats::SocketTicket;
use slipway_contract::socket::{ClientFrame, ServerFrame, close};
use slipway_contract::{ChatId, ProblemCode, Seq, UserId, limits};
use tokio_tungstenite::tungstenite::Message;

/// The refusal of an upgrade.
async fn refused(person: &Person, chat: ChatId, query: &str, protocol: Option<&str>) -> Result<ProblemCode> {
    match ChatSocket::attempt(&person.world, chat, query, protocol).await? {
        Opened::Refused(answer) => Ok(answer.problem()?.code),
        Opened::Open(_) => bail!("it opened"),
        Opened::Unreachable(error) => bail!("{error}"),
        Opened::Shut { problem, code } => bail!("it was shut with {code}: {problem:?}"),
    }
}

const PROTOCOL: Option<&str> = Some(limits::SOCKET_PROTOCOL);

#[tokio::test]
async fn a_socket_begins_with_hello_and_tells_what_is_posted() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let mut hers = team.owner.socket(chat.id, None).await?;
    assert_eq!(
        (hers.you, hers.head, hers.present.clone()),
        (team.owner.id(), chat.head, vec![team.owner.id()])
    );
    let mut his = bo.socket(chat.id, Some(Seq::START)).await?;
    assert_eq!((his.you, his.present.len()), (bo.id(), 2));
    let posted = his.post("a", "hello").await?;
    assert_eq!(posted.seq, chat.head.next());
    hers.reach(posted.seq).await?;
    his.reach(posted.seq).await?;
    assert_eq!(his.events, bo.log(chat.id).await?);
    assert_eq!(hers.events, his.events.split_off(chat.head.0 as usize));
    Ok(())
}

#[tokio::test]
async fn posts_of_one_socket_are_kept_in_order_without_waiting_for_answers() -> Result<()> {
    let (_, bo, chat) = Team::of_two(&World::shared()?).await?;
    let mut socket = bo.socket(chat.id, None).await?;
    for n in 0..200 {
        socket.begin_post(&format!("p{n}"), &format!("{n}"), None).await?;
    }
    socket.reach(Seq(chat.head.0 + 200)).await?;
    let said: Vec<String> = socket.events.iter().filter_map(text).collect();
    assert_eq!(said, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
    Ok(())
}

fn text(event: &Event) -> Option<String> {
    if let EventBody::MessagePosted(said) = &event.body { Some(said.text.clone()) } else { None }
}

/// Comes and goes as the dice say until the log's end is reached; every event that it was told.
async fn come_and_go(person: Person, chat: ChatId, seed: u64, done: Arc<AtomicBool>) -> Result<Vec<Event>> {
    let mut dice = Dice::new(seed);
    let mut told: Vec<Event> = Vec::new();
    loop {
        let finishing = done.load(Ordering::Relaxed);
        let after = told.last().map_or(Seq::START, |event| event.seq);
        let mut socket = person.socket(chat, Some(after)).await.with_context(|| format!("seed {seed}"))?;
        if finishing {
            let head = socket.head;
            socket.reach(head).await?;
            told.append(&mut socket.events);
            return Ok(told);
        }
        for _ in 0..dice.roll(0, 30) {
            match socket.hear_within(Duration::from_millis(dice.roll(1, 50))).await? {
                Some(Heard::Frame(_)) => {}
                None => break,
                Some(other @ (Heard::Closed { .. } | Heard::Broken)) => bail!("seed {seed}: {other:?}"),
            }
        }
        told.append(&mut socket.events);
        // Half of the time politely, half of the time like a train in a tunnel.
        if dice.roll(0, 2) == 0 {
            socket.leave().await?;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_and_goes_is_told_every_event_once_and_in_order() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let done = Arc::new(AtomicBool::new(false));
    let readers = (0..6).map(|seed| {
        let person = if seed % 2 == 0 { &team.owner } else { &bo };
        tokio::spawn(come_and_go(person.clone(), chat.id, seed, Arc::clone(&done)))
    });
    let readers: Vec<_> = readers.collect();
    let by_http = async {
        for n in 0..300 {
            team.owner.post(chat.id, &format!("h{n}"), &format!("http {n}")).await?;
        }
        anyhow::Ok(())
    };
    let by_socket = async {
        let mut socket = bo.socket(chat.id, None).await?;
        for n in 0..300 {
            socket.post(&format!("s{n}"), &format!("socket {n}")).await?;
        }
        anyhow::Ok(())
    };
    let (http, socket) = join(by_http, by_socket).await;
    done.store(true, Ordering::Relaxed);
    http.and(socket)?;
    let log = bo.log(chat.id).await?;
    assert_eq!(log.len() as u64, chat.head.0 + 600);
    for told in try_join_all(readers).await? {
        assert!(told? == log, "what a reader was told is not the log");
    }
    Ok(())
}

#[tokio::test]
async fn who_was_away_resumes_where_they_were() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let away = bo.socket(chat.id, None).await?.last();
    let mut socket = team.owner.socket(chat.id, None).await?;
    for n in 0..450 {
        socket.begin_post(&format!("m{n}"), "x", None).await?;
    }
    let head = Seq(chat.head.0 + 450);
    socket.reach(head).await?;
    let mut back = bo.socket(chat.id, Some(away)).await?;
    back.reach(head).await?;
    assert_eq!(back.events, bo.log(chat.id).await?.split_off(away.0 as usize));
    // Nothing is behind: nothing is told but what comes.
    let mut here = bo.socket(chat.id, Some(head)).await?;
    let posted = here.post("now", "now").await?;
    here.reach(posted.seq).await?;
    assert_eq!(here.events.len(), 1);
    Ok(())
}

#[tokio::test]
async fn who_cannot_be_continued_is_told_to_page() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let mut socket = team.owner.socket(chat.id, None).await?;
    for n in 0..=limits::REPLAY_EVENTS {
        socket.begin_post(&format!("m{n}"), "x", None).await?;
    }
    let head = Seq(chat.head.0 + 1 + limits::REPLAY_EVENTS);
    socket.reach(head).await?;
    let attempt = async |after: u64| {
        let query = format!("ticket={}&after={after}", bo.ticket(chat.id).await?);
        ChatSocket::attempt(&bo.world, chat.id, &query, PROTOCOL).await
    };
    for (after, expected) in [
        (head.0 - limits::REPLAY_EVENTS - 1, ProblemCode::TooFarBehind),
        (0, ProblemCode::TooFarBehind),
        (head.0 + 1, ProblemCode::SeqInFuture),
        (Seq::MAX.0, ProblemCode::SeqInFuture),
    ] {
        let Opened::Shut { problem, code } = attempt(after).await? else {
            bail!("after={after} was not shut")
        };
        assert_eq!((problem.code, code), (expected, close::RESYNC));
    }
    let Opened::Open(mut socket) = attempt(head.0 - limits::REPLAY_EVENTS).await? else { bail!("not open") };
    socket.reach(head).await?;
    assert_eq!(socket.events.len() as u64, limits::REPLAY_EVENTS);
    Ok(())
}

#[tokio::test]
async fn a_ticket_opens_one_socket_of_its_chat_and_nothing_else() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let other = team.chat("Other", &[&bo]).await?;
    let ticket = bo.ticket(chat.id).await?;
    let query = format!("ticket={ticket}");
    assert_eq!(refused(&bo, other.id, &query, PROTOCOL).await?, ProblemCode::TicketInvalid);
    assert_eq!(refused(&bo, chat.id, &query, None).await?, ProblemCode::InvalidParameter);
    assert_eq!(refused(&bo, chat.id, &query, Some("slipway.v2")).await?, ProblemCode::InvalidParameter);
    for after in ["-1", "x", "1.5", "99999999999999999999999"] {
        let code = refused(&bo, chat.id, &format!("{query}&after={after}"), PROTOCOL).await?;
        assert_eq!(code, ProblemCode::InvalidParameter, "{after}");
    }
    // None of these used it up; the first that fits does.
    ChatSocket::open(&bo.world, chat.id, &ticket, None).await?.leave().await?;
    assert_eq!(refused(&bo, chat.id, &query, PROTOCOL).await?, ProblemCode::TicketInvalid);
    for wrong in
        ["", "ticket=", "ticket=x", &format!("ticket={}", "0".repeat(48)), &format!("ticket={}", bo.token())]
    {
        assert_eq!(refused(&bo, chat.id, wrong, PROTOCOL).await?, ProblemCode::TicketInvalid, "{wrong}");
    }
    let nowhere = ChatId::fresh(1, [3; 10]);
    assert_eq!(refused(&bo, nowhere, "ticket=x", PROTOCOL).await?, ProblemCode::TicketInvalid);
    Ok(())
}

#[tokio::test]
async fn a_ticket_used_many_times_at_once_opens_one_socket() -> Result<()> {
    let (_, bo, chat) = Team::of_two(&World::shared()?).await?;
    let query = format!("ticket={}", bo.ticket(chat.id).await?);
    let attempts = (0..8).map(|_| ChatSocket::attempt(&bo.world, chat.id, &query, PROTOCOL));
    let open = try_join_all(attempts).await?;
    assert_eq!(open.iter().filter(|opened| matches!(opened, Opened::Open(_))).count(), 1);
    Ok(())
}

#[tokio::test]
async fn a_ticket_ends_after_thirty_seconds() -> Result<()> {
    let (_, bo, chat) = Team::of_two(&World::shared()?).await?;
    let path = format!("/v1/chats/{}/socket-ticket", chat.id);
    let asked = Instant::now();
    let answer = bo.call(reqwest::Method::POST, &path).send().await?;
    let ticket: SocketTicket = answer.read()?;
    let life = Duration::from_millis(limits::TICKET_LIFE_MS.unsigned_abs());
    // The one thing here that nothing but time brings about.
    tokio::time::sleep_until((asked + life + Duration::from_secs(2)).into()).await;
    let code = refused(&bo, chat.id, &format!("ticket={}", ticket.ticket), PROTOCOL).await?;
    assert_eq!(code, ProblemCode::TicketInvalid);
    Ok(())
}

#[tokio::test]
async fn a_frame_that_does_not_fit_closes_the_socket_and_keeps_what_was_posted() -> Result<()> {
    let (_, bo, chat) = Team::of_two(&World::shared()?).await?;
    let post = |more: &str| format!(r#"{{"type":"post","id":1,"client_id":"bad","text":"x"{more}}}"#);
    let long =
        format!(r#"{{"type":"post","id":1,"client_id":"bad","text":"{}"}}"#, "x".repeat(limits::FRAME_BYTES));
    let frames = [
        ("binary", Message::binary(post("").into_bytes())),
        ("too long", Message::text(long)),
        ("garbage", Message::text("garbage")),
        ("nothing", Message::text("")),
        ("a list", Message::text("[]")),
        ("no type", Message::text(r#"{"id":1}"#)),
        ("an unknown type", Message::text(r#"{"type":"shout","text":"x"}"#)),
        ("an unknown field", Message::text(post(r#","seq":1"#))),
        ("a field is missing", Message::text(r#"{"type":"post","id":1,"text":"x"}"#)),
        (
            "an id that is no number",
            Message::text(r#"{"type":"post","id":"a","client_id":"bad","text":"x"}"#),
        ),
        ("a negative seq", Message::text(r#"{"type":"read","seq":-1}"#)),
        ("two frames in one", Message::text(post("").repeat(2))),
        ("a server's frame", Message::text(r#"{"type":"done","id":1,"message":"x","seq":1}"#)),
    ];
    let count = frames.len();
    for (n, (what, frame)) in frames.into_iter().enumerate() {
        let mut socket = bo.socket(chat.id, None).await?;
        socket.post(&format!("acknowledged {n}"), what).await?;
        socket.begin_post(&format!("under way {n}"), what, None).await?;
        socket.send_raw(frame).await?;
        let (code, reason) = socket.closed().await.context(what)?;
        assert_eq!(code, close::BAD_FRAME, "{what}");
        assert!(!reason.is_empty(), "{what}");
    }
    let log = eventually("all posts in the log", async || {
        let log = bo.log(chat.id).await?;
        Ok((log.len() as u64 >= chat.head.0 + 2 * count as u64).then_some(log))
    })
    .await?;
    assert_eq!(log.len() as u64, chat.head.0 + 2 * count as u64, "a bad frame was taken");
    Ok(())
}

#[tokio::test]
async fn a_refused_post_leaves_the_socket_open() -> Result<()> {
    let (_, bo, chat) = Team::of_two(&World::shared()?).await?;
    let mut socket = bo.socket(chat.id, None).await?;
    let refused = socket.try_post("a", " ").await?;
    assert_eq!(refused.map_err(|problem| problem.code), Err(ProblemCode::InvalidField));
    socket.send(&ClientFrame::Read { seq: Seq(9999) }).await?;
    let code = socket
        .wait_for("the refusal of a marker", |frame| {
            if let ServerFrame::Refused { id: None, problem } = frame { Some(problem.code) } else { None }
        })
        .await?;
    assert_eq!(code, ProblemCode::SeqInFuture);
    socket.post("a", "better").await.map(drop)
}

#[tokio::test]
async fn a_heartbeat_is_answered() -> Result<()> {
    let (_, bo, chat) = Team::of_two(&World::shared()?).await?;
    let mut socket = bo.socket(chat.id, None).await?;
    socket.send_raw(Message::text("ping")).await?;
    // `pong` is no JSON: the one text that is no frame.
    let error = socket.hear().await.err().context("no pong")?;
    ensure!(format!("{error:#}").contains("pong"), "{error:#}");
    Ok(())
}

fn is_typing(frame: &ServerFrame) -> Option<(UserId, bool)> {
    if let ServerFrame::Typing { user, active } = frame { Some((*user, *active)) } else { None }
}

/// Who came, and who went.
fn is_presence(frame: &ServerFrame) -> Option<(Vec<UserId>, Vec<UserId>)> {
    if let ServerFrame::Presence { came, went, .. } = frame {
        Some((came.clone(), went.clone()))
    } else {
        None
    }
}

fn is_read(frame: &ServerFrame) -> Option<Seq> {
    if let ServerFrame::Read { seq } = frame { Some(*seq) } else { None }
}

#[tokio::test]
async fn typing_is_told_to_others_and_stored_nowhere() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let (mut hers, mut his) = (team.owner.socket(chat.id, None).await?, bo.socket(chat.id, None).await?);
    for active in [true, false] {
        his.send(&ClientFrame::Typing { active }).await?;
        assert_eq!(hers.wait_for("typing", is_typing).await?, (bo.id(), active));
    }
    his.post("a", "done").await?;
    assert_eq!(his.unheard().filter_map(is_typing).count(), 0);
    assert_eq!(bo.log(chat.id).await?.len() as u64, chat.head.0 + 1);
    Ok(())
}

#[tokio::test]
async fn presence_counts_people_and_not_their_sockets() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let mut hers = team.owner.socket(chat.id, None).await?;
    let first = bo.socket(chat.id, None).await?;
    assert_eq!(hers.wait_for("somebody coming", is_presence).await?, (vec![bo.id()], vec![]));
    let second = bo.socket(chat.id, None).await?;
    assert_eq!((second.present.len(), second.count), (2, 2));
    first.leave().await?;
    team.owner.post(chat.id, "a", "x").await?;
    hers.reach(chat.head.next()).await?;
    assert_eq!(hers.unheard().filter_map(is_presence).count(), 0, "one of two sockets is no person");
    second.leave().await?;
    assert_eq!(hers.wait_for("somebody leaving", is_presence).await?, (vec![], vec![bo.id()]));
    Ok(())
}

#[tokio::test]
async fn a_read_marker_moves_forward_and_is_told_to_its_person_alone() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    for n in 0..3 {
        team.owner.post(chat.id, &format!("m{n}"), "x").await?;
    }
    let head = Seq(chat.head.0 + 3);
    let (mut laptop, mut phone) = (bo.socket(chat.id, None).await?, bo.socket(chat.id, None).await?);
    let mut hers = team.owner.socket(chat.id, None).await?;
    assert_eq!(bo.describe(chat.id).await?.unread, 3);
    laptop.send(&ClientFrame::Read { seq: Seq(head.0 - 1) }).await?;
    assert_eq!(phone.wait_for("the marker", is_read).await?, Seq(head.0 - 1));
    assert_eq!(bo.describe(chat.id).await?.unread, 1);
    laptop.send(&ClientFrame::Read { seq: Seq(1) }).await?;
    laptop.send(&ClientFrame::Read { seq: head }).await?;
    assert_eq!(phone.wait_for("the marker", is_read).await?, head, "it moved back");
    let mine = bo.describe(chat.id).await?;
    assert_eq!((mine.read, mine.unread), (head, 0));
    hers.post("last", "x").await?;
    assert_eq!(hers.unheard().filter_map(is_read).count(), 0);
    Ok(())
}

#[tokio::test]
async fn the_21st_socket_of_a_person_takes_the_place_of_the_first() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let mut hers = team.owner.socket(chat.id, None).await?;
    let mut sockets = Vec::new();
    for _ in 0..=limits::SOCKETS_PER_PERSON {
        sockets.push(bo.socket(chat.id, None).await?);
    }
    let mut first = sockets.remove(0);
    assert_eq!(first.closed().await?.0, close::REPLACED);
    let posted = hers.post("a", "hello all").await?;
    for socket in &mut sockets {
        socket.reach(posted.seq).await?;
    }
    assert_eq!(hers.unheard().filter_map(is_presence).collect::<Vec<_>>(), [(vec![bo.id()], vec![])]);
    Ok(())
}
