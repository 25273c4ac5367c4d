//! Every operation, asked by everybody who may not: another tenant, nobody, the removed, the lower roles.

use anyhow::{Result, ensure};
use e2e::chat_socket::Opened;
use e2e::{Answer, ChatSocket, Person, World};
use slipway_contract::http::orgs::Role;
use slipway_contract::{ProblemCode, limits};

use crate::land::Land;
use crate::operations::{OPERATIONS, Operation, Reach};

use ProblemCode::{
    Forbidden, InvalidField, InvitationForAnother, NotFound, OrgContextMismatch, OrgContextRequired,
    TicketInvalid, Unauthenticated, UpgradeRequired,
};

/// Asks `operation` about `land` (with the asker's own org in the path, when `own` is given).
async fn ask(operation: &Operation, by: &Person, land: &Land, own: Option<&Land>) -> Result<Answer> {
    let call = by.call(operation.method()?, &land.fill(operation.path, own));
    match operation.body {
        Some(body) => call.body(land.fill(body, own)).send().await,
        None => call.send().await,
    }
}

/// What went wrong in a run through the table.
#[derive(Debug, Default)]
struct Findings {
    asked: usize,
    found: Vec<String>,
}

impl Findings {
    /// The answer must be one of the refusals, and show nothing of `land`.
    fn must_refuse(&mut self, who: &str, land: &Land, answer: Result<Answer>, codes: &[ProblemCode]) {
        self.asked += 1;
        let checked = answer.and_then(|answer| {
            let code = answer.problem()?.code;
            ensure!(codes.contains(&code), "{code:?} instead of {codes:?}: {answer}");
            ensure!(!answer.body.contains(land.canary), "it tells: {answer}");
            Ok(())
        });
        if let Err(error) = checked {
            self.found.push(format!("{who}: {error:#}"));
        }
    }

    /// The answer may be anything but a server error, and shows nothing of `land`.
    fn must_not_tell(&mut self, who: &str, land: &Land, answer: Result<Answer>) {
        self.asked += 1;
        let checked = answer.and_then(|answer| {
            ensure!(answer.status < 500, "{answer}");
            ensure!(!answer.body.contains(land.canary), "it tells: {answer}");
            Ok(())
        });
        if let Err(error) = checked {
            self.found.push(format!("{who}: {error:#}"));
        }
    }

    fn must_do(&mut self, who: &str, answer: Result<Answer>, or: &[ProblemCode]) {
        self.asked += 1;
        let checked = answer.and_then(|answer| {
            let ended = answer.problem().is_ok_and(|problem| or.contains(&problem.code));
            if ended { Ok(()) } else { answer.done() }
        });
        if let Err(error) = checked {
            self.found.push(format!("{who}: {error:#}"));
        }
    }

    fn report(self) -> usize {
        assert!(
            self.found.is_empty(),
            "{} of {} asked:\n{}",
            self.found.len(),
            self.asked,
            self.found.join("\n")
        );
        self.asked
    }
}

/// Two lands and the people between them.
struct Scene {
    world: World,
    /// Whose things everybody is after.
    target: Land,
    other: Land,
    /// Owner of the other org.
    rival: Person,
    /// In both orgs, and in both chats.
    both: Person,
    /// In no org.
    stranger: Person,
    /// Was an admin of the target, in its channel and chat.
    removed: Person,
    /// A guest of the target who was added to nothing.
    outside_guest: Person,
    /// A guest of the target in its channel and chat.
    guest: Person,
    /// A member of the target in its channel and chat.
    member: Person,
}

impl Scene {
    async fn set() -> Result<Self> {
        let world = World::shared()?;
        let target = Land::settle(&world, "alphaville").await?;
        let other = Land::settle(&world, "betatown").await?;
        let rival = other.team.owner.clone();
        let both = target.team.join("Both", Role::Admin).await?;
        other.team.take_in(&both, Role::Admin).await?;
        let removed = target.team.join("Removed", Role::Admin).await?;
        let outside_guest = target.team.join("Outside", Role::Guest).await?;
        let guest = target.team.join("Guest", Role::Guest).await?;
        let member = target.team.join("Member", Role::Member).await?;
        for insider in [&both, &removed, &guest, &member] {
            target.initiate(insider).await?;
        }
        other.initiate(&both).await?;
        let org = target.team.org;
        let id = target.team.owner.member(org, removed.id()).await?.id;
        target.team.owner.put_out(org, id).await?.done()?;
        let stranger = world.person("Stranger").await?;
        Ok(Self { world, target, other, rival, both, stranger, removed, outside_guest, guest, member })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_at_an_org_that_is_not_theirs_by_any_operation() -> Result<()> {
    let scene = Scene::set().await?;
    let before = scene.target.settled_survey().await?;
    let mut findings = Findings::default();
    for operation in OPERATIONS {
        match operation.reach {
            Reach::Open => scene.attack_open(operation, &mut findings).await,
            Reach::Link | Reach::Invited => scene.attack_invitation(operation, &mut findings).await,
            Reach::Person => scene.attack_person(operation, &mut findings).await,
            Reach::Ticket => scene.attack_socket(operation, &mut findings).await?,
            Reach::TerminalTicket => scene.attack_terminal(operation, &mut findings).await?,
            Reach::Org(_) | Reach::Channel(_) | Reach::Chat | Reach::Acting | Reach::Moderator => {
                scene.attack_tenant(operation, &mut findings).await;
                scene.attack_from_below(operation, &mut findings).await;
            }
        }
    }
    assert_eq!(scene.target.survey().await?, before, "an attack left a trace");
    let attacks = findings.report();

    // The same requests succeed for who may: the table asks for what is there.
    let mut findings = Findings::default();
    let owner = &scene.target.team.owner;
    let rightful = OPERATIONS.iter().filter(|operation| {
        matches!(
            operation.reach,
            Reach::Link
                | Reach::Person
                | Reach::Org(_)
                | Reach::Channel(_)
                | Reach::Chat
                | Reach::Acting
                | Reach::Moderator
        )
    });
    for operation in rightful {
        let who = format!("the owner: {} {}", operation.method, operation.path);
        findings.must_do(
            &who,
            ask(operation, owner, &scene.target, None).await,
            &[ProblemCode::TurnEnded, ProblemCode::ArchiveBlocked],
        );
    }
    let allowed = findings.report();
    println!("{} operations, {attacks} attacks refused, {allowed} rightful requests done", OPERATIONS.len());
    Ok(())
}

impl Scene {
    async fn attack_open(&self, operation: &Operation, findings: &mut Findings) {
        let who = format!("nobody: {} {}", operation.method, operation.path);
        let call = async || {
            let call = self.world.call(operation.method()?, operation.path);
            let call = call.header("x-org-id", &self.target.team.org.to_string());
            match operation.body {
                Some(body) => call.body(body).send().await,
                None => call.send().await,
            }
        };
        findings.must_not_tell(&who, &self.target, call().await);
    }

    async fn attack_invitation(&self, operation: &Operation, findings: &mut Findings) {
        let here = format!("{} {}", operation.method, operation.path);
        if operation.reach == Reach::Invited {
            let anonymous = self.nobody(operation).await;
            findings.must_refuse(&format!("nobody: {here}"), &self.target, anonymous, &[Unauthenticated]);
            for (name, person) in
                [("the rival", &self.rival), ("a member", &self.member), ("a stranger", &self.stranger)]
            {
                let answer = ask(operation, person, &self.target, None).await;
                findings.must_refuse(
                    &format!("{name}: {here}"),
                    &self.target,
                    answer,
                    &[InvitationForAnother],
                );
            }
        }
        let made_up = operation.path.replace("{token}", &"A".repeat(64));
        let answer = match operation.method() {
            Ok(method) => self.rival.call(method, &made_up).send().await,
            Err(error) => Err(error),
        };
        findings.must_refuse(&format!("a made-up link: {here}"), &self.target, answer, &[NotFound]);
    }

    async fn attack_person(&self, operation: &Operation, findings: &mut Findings) {
        let here = format!("{} {}", operation.method, operation.path);
        let anonymous = self.nobody(operation).await;
        findings.must_refuse(&format!("nobody: {here}"), &self.target, anonymous, &[Unauthenticated]);
        for person in [self.rival.at(self.target.team.org), self.rival.clone(), self.stranger.clone()] {
            if operation.path != "/v1/auth/logout-all" {
                let answer = ask(operation, &person, &self.target, None).await;
                findings.must_not_tell(&format!("the rival: {here}"), &self.target, answer);
            }
        }
    }

    async fn attack_socket(&self, operation: &Operation, findings: &mut Findings) -> Result<()> {
        for person in [&self.rival, &self.stranger, &self.member] {
            let answer = ask(operation, person, &self.target, None).await;
            findings.must_refuse("without an upgrade", &self.target, answer, &[UpgradeRequired]);
        }
        let chat = self.target.fill("{chat}", None).parse()?;
        for ticket in [self.other.ticket().await?, "x".to_owned(), self.rival.token()] {
            let query = format!("ticket={ticket}&after=0");
            let opened =
                ChatSocket::attempt(&self.world, chat, &query, Some(limits::SOCKET_PROTOCOL)).await?;
            let answer = match opened {
                Opened::Refused(answer) => Ok(*answer),
                opened @ (Opened::Open(_) | Opened::Unreachable(_) | Opened::Shut { .. }) => {
                    Err(anyhow::anyhow!("{opened:?}"))
                }
            };
            findings.must_refuse("another's ticket", &self.target, answer, &[TicketInvalid]);
        }
        Ok(())
    }

    async fn attack_terminal(&self, operation: &Operation, findings: &mut Findings) -> Result<()> {
        let (target, other) = (&self.target, &self.other);
        for person in [&self.rival, &self.stranger, &self.member] {
            let answer = ask(operation, person, target, None).await;
            findings.must_refuse("without an upgrade", target, answer, &[UpgradeRequired]);
        }
        let made_up = "A".repeat(43);
        let attempts = [
            ("a ticket of another's own chat", other.for_terminal(&other.ticket().await?), NotFound),
            ("another's ticket under this chat", target.for_terminal(&other.ticket().await?), TicketInvalid),
            ("a made-up ticket", target.for_terminal(&made_up), TicketInvalid),
            ("a ticket without a chat", target.ticket().await?, TicketInvalid),
            ("an access token", self.rival.token(), TicketInvalid),
            ("a guest's ticket", target.for_terminal(&target.ticket_of(&self.guest).await?), Forbidden),
        ];
        for (name, ticket, code) in attempts {
            let path = target.fill(operation.path, None);
            let path = format!("{path}?ticket={ticket}&terminal=main&cols=80&rows=24");
            findings.must_refuse(name, target, self.upgrade(&path).await, &[code]);
        }
        // A ticket that was used is gone, though the terminal that it was used for was refused.
        let used = target.for_terminal(&target.ticket().await?);
        let path = |sandbox: &Land| {
            let path = sandbox.fill(operation.path, None);
            format!("{path}?ticket={used}&terminal=main&cols=80&rows=24")
        };
        findings.must_refuse("of another's sandbox", other, self.upgrade(&path(other)).await, &[NotFound]);
        findings.must_refuse("used before", target, self.upgrade(&path(target)).await, &[TicketInvalid]);
        Ok(())
    }

    /// Asks for an upgrade to a WebSocket, as a browser does; what is answered instead.
    async fn upgrade(&self, path: &str) -> Result<Answer> {
        let call = self.world.call(reqwest::Method::GET, path);
        call.header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .send()
            .await
    }

    async fn attack_tenant(&self, operation: &Operation, findings: &mut Findings) {
        let (target, other) = (&self.target, &self.other);
        let (home, abroad) = (target.team.org, other.team.org);
        let owner = &target.team.owner;
        let here = format!("{} {}", operation.method, operation.path);
        let elsewhere = if operation.names_org() { OrgContextMismatch } else { NotFound };
        let anonymous = self.nobody(operation).await;
        findings.must_refuse(&format!("nobody: {here}"), target, anonymous, &[Unauthenticated]);
        let attackers = [
            ("the rival under their own org", self.rival.clone(), elsewhere),
            ("the rival under the target's org", self.rival.at(home), NotFound),
            ("the rival under no org", self.rival.nowhere(), OrgContextRequired),
            ("a stranger under the target's org", self.stranger.at(home), NotFound),
            ("a stranger under another org", self.stranger.at(abroad), elsewhere),
            ("the owner under no org", owner.nowhere(), OrgContextRequired),
            ("the owner under another org", owner.at(abroad), elsewhere),
            ("who is in both, under the other org", self.both.at(abroad), elsewhere),
            ("who is in both, under no org", self.both.nowhere(), OrgContextRequired),
            ("who was removed", self.removed.clone(), NotFound),
            ("who was removed, under another org", self.removed.at(abroad), elsewhere),
        ];
        for (name, person, code) in attackers {
            let answer = ask(operation, &person, target, None).await;
            findings.must_refuse(&format!("{name}: {here}"), target, answer, &[code]);
        }
        // The asker's own org in the path and the header, and another's things behind it.
        if operation.names_org() && operation.names_more() {
            for (name, person) in [("the rival", &self.rival), ("who is in both", &self.both.at(abroad))] {
                let answer = ask(operation, person, target, Some(other)).await;
                let who = format!("{name} in their own org, with another's ids: {here}");
                findings.must_refuse(&who, target, answer, &[NotFound, InvalidField]);
            }
        }
    }

    /// Members and guests of the org itself, where more is needed.
    async fn attack_from_below(&self, operation: &Operation, findings: &mut Findings) {
        let here = format!("{} {}", operation.method, operation.path);
        let mut refused: Vec<(&str, &Person, ProblemCode)> = Vec::new();
        match operation.reach {
            Reach::Org(least) | Reach::Channel(least) => {
                if let Reach::Channel(_) = operation.reach {
                    refused.push(("a guest outside", &self.outside_guest, NotFound));
                } else if least > Role::Guest {
                    refused.push(("a guest outside", &self.outside_guest, Forbidden));
                }
                if least > Role::Guest {
                    refused.push(("a guest inside", &self.guest, Forbidden));
                }
                if least > Role::Member {
                    refused.push(("a member", &self.member, Forbidden));
                }
            }
            Reach::Chat => refused.push(("a guest outside", &self.outside_guest, NotFound)),
            Reach::Acting => {
                refused.push(("a guest outside", &self.outside_guest, NotFound));
                refused.push(("a guest inside", &self.guest, Forbidden));
            }
            Reach::Moderator => {
                refused.push(("a guest outside", &self.outside_guest, NotFound));
                refused.push(("a guest inside", &self.guest, Forbidden));
                refused.push(("a member", &self.member, Forbidden));
            }
            Reach::Open
            | Reach::Link
            | Reach::Invited
            | Reach::Person
            | Reach::Ticket
            | Reach::TerminalTicket => {}
        }
        for (name, person, code) in refused {
            let answer = ask(operation, person, &self.target, None).await;
            findings.must_refuse(&format!("{name}: {here}"), &self.target, answer, &[code]);
        }
    }

    /// Asks without a token.
    async fn nobody(&self, operation: &Operation) -> Result<Answer> {
        let call = self.world.call(operation.method()?, &self.target.fill(operation.path, None));
        let call = call.header("x-org-id", &self.target.team.org.to_string());
        match operation.body {
            Some(body) => call.body(self.target.fill(body, None)).send().await,
            None => call.send().await,
        }
    }
}
