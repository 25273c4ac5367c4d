//! What the chat is told of its sandboxes and of files that people kept.

use super::*;

fn current(world: &World) -> Option<SandboxId> {
    world.chat.as_ref().unwrap().describe(ADA.parse().unwrap()).sandbox.map(|status| status.sandbox)
}

#[test]
fn only_newer_news_of_a_sandbox_count() {
    let mut world = World::begun();
    let news = [
        (2, SandboxState::Starting),
        (4, SandboxState::Stopped),
        (3, SandboxState::Ready),
        (4, SandboxState::Stopped),
        (5, SandboxState::Destroyed),
        (4, SandboxState::Ready),
    ];
    for (version, state) in news {
        world.run(Actor::System, ChatCommand::SandboxChanged(status(1, version, state)));
    }
    world.run(user(ADA), ChatCommand::SandboxChanged(status(1, 9, SandboxState::Ready)));
    check(
        &world,
        expect![[r#"
            6 sandbox.changed "starting"
            7 sandbox.changed "stopped"
            nothing new
            nothing new
            8 sandbox.changed "destroyed"
            nothing new
            refused: NotFound
        "#]],
    );
}

#[test]
fn agents_work_in_the_newest_sandbox_that_is_not_destroyed() {
    let mut world = World::begun();
    assert_eq!(current(&world), None);
    let mut tell = |n, version, state| {
        world.run(Actor::System, ChatCommand::SandboxChanged(status(n, version, state)));
        current(&world)
    };
    assert_eq!(tell(1, 1, SandboxState::Ready), Some(sandbox(1)));
    assert_eq!(tell(3, 1, SandboxState::Queued), Some(sandbox(3)));
    assert_eq!(tell(2, 1, SandboxState::Ready), Some(sandbox(3)));
    assert_eq!(tell(3, 2, SandboxState::Destroyed), Some(sandbox(2)));
    assert_eq!(tell(1, 2, SandboxState::Stopped), Some(sandbox(2)));
    assert_eq!(tell(2, 2, SandboxState::Destroyed), Some(sandbox(1)));
    assert_eq!(tell(1, 3, SandboxState::Destroyed), None);
}

#[test]
fn a_file_that_a_person_kept_is_told_once_and_in_its_own_chat() {
    let mut world = World::begun();
    world.run(Actor::System, ChatCommand::ArtifactSaved(artifact(1)));
    world.run(Actor::System, ChatCommand::ArtifactSaved(artifact(1)));
    world.run(Actor::System, ChatCommand::ArtifactSaved(artifact(2)));
    world.run(user(ADA), ChatCommand::ArtifactSaved(artifact(3)));
    let other = Artifact { chat: "chat_000000000000000000000000000000c2".parse().unwrap(), ..artifact(4) };
    world.run(Actor::System, ChatCommand::ArtifactSaved(other));
    check(
        &world,
        expect![[r#"
            6 artifact.saved "a.txt"
            nothing new
            7 artifact.saved "a.txt"
            refused: NotFound
            refused: NotFound
        "#]],
    );
    assert_eq!(world.log.last().unwrap().actor, user(ADA));
}
