//! The rules as tables: every role against every role.

use expect_test::{Expect, expect};

use super::*;

const ROLES: [Role; 4] = [Role::Guest, Role::Member, Role::Admin, Role::Owner];

/// One line for each actor; one cell for each pair of the target's role and `columns`.
fn table<T: Copy>(columns: &[T], show: impl Fn(&T) -> String, ask: impl Fn(Role, T) -> String) -> String {
    let mut text = String::new();
    for actor in ROLES {
        let cells = columns.iter().map(|column| format!("{}={}", show(column), ask(actor, *column)));
        text.push_str(&format!("{actor:?}: {}\n", cells.collect::<Vec<_>>().join(" ")));
    }
    text
}

fn word<T>(result: Result<T, Problem>) -> String {
    match result {
        Ok(_) => "yes".to_owned(),
        Err(problem) => format!("{:?}", problem.code),
    }
}

#[track_caller]
fn check(table: String, expected: Expect) {
    expected.assert_eq(&table);
}

#[test]
fn admins_and_owners_invite_to_at_most_their_own_role() {
    let rows = table(&ROLES, |role| format!("{role:?}"), |actor, role| word(may_invite(actor, role)));
    check(
        rows,
        expect![[r#"
            Guest: Guest=Forbidden Member=Forbidden Admin=Forbidden Owner=Forbidden
            Member: Guest=Forbidden Member=Forbidden Admin=Forbidden Owner=Forbidden
            Admin: Guest=yes Member=yes Admin=yes Owner=Forbidden
            Owner: Guest=yes Member=yes Admin=yes Owner=yes
        "#]],
    );
}

#[test]
fn only_owners_make_and_unmake_owners() {
    let pairs = [
        (Role::Guest, Role::Admin),
        (Role::Admin, Role::Member),
        (Role::Member, Role::Owner),
        (Role::Owner, Role::Admin),
    ];
    let rows = table(
        &pairs,
        |(from, to)| format!("{from:?}→{to:?}"),
        |actor, (target, new)| word(change_role(Standing { actor, own: false, target, owners: 2 }, new)),
    );
    check(
        rows,
        expect![[r#"
            Guest: Guest→Admin=Forbidden Admin→Member=Forbidden Member→Owner=Forbidden Owner→Admin=Forbidden
            Member: Guest→Admin=Forbidden Admin→Member=Forbidden Member→Owner=Forbidden Owner→Admin=Forbidden
            Admin: Guest→Admin=yes Admin→Member=yes Member→Owner=Forbidden Owner→Admin=Forbidden
            Owner: Guest→Admin=yes Admin→Member=yes Member→Owner=yes Owner→Admin=yes
        "#]],
    );
}

#[test]
fn the_last_owner_stays_owner() {
    let last = Standing { actor: Role::Owner, own: true, target: Role::Owner, owners: 1 };
    assert_eq!(word(change_role(last, Role::Member)), "LastOwner");
    assert_eq!(word(end_membership(last)), "LastOwner");
    assert_eq!(change_role(last, Role::Owner), Ok(false));
    assert_eq!(word(end_membership(Standing { owners: 2, ..last })), "yes");
}

#[test]
fn anybody_leaves_and_admins_put_out_all_but_owners() {
    let rows = table(
        &ROLES,
        |role| format!("{role:?}"),
        |actor, target| word(end_membership(Standing { actor, own: false, target, owners: 2 })),
    );
    check(
        rows,
        expect![[r#"
            Guest: Guest=Forbidden Member=Forbidden Admin=Forbidden Owner=Forbidden
            Member: Guest=Forbidden Member=Forbidden Admin=Forbidden Owner=Forbidden
            Admin: Guest=yes Member=yes Admin=yes Owner=Forbidden
            Owner: Guest=yes Member=yes Admin=yes Owner=yes
        "#]],
    );
    for role in ROLES {
        assert_eq!(end_membership(Standing { actor: role, own: true, target: role, owners: 2 }), Ok(()));
    }
}

#[test]
fn guests_see_what_they_were_added_to_and_private_channels_open_to_nobody_else() {
    let cells = [
        (Visibility::Public, false),
        (Visibility::Public, true),
        (Visibility::Private, false),
        (Visibility::Private, true),
    ];
    let rows = table(
        &cells,
        |(visibility, added)| format!("{visibility:?}{}", if *added { "+added" } else { "" }),
        |role, (visibility, added)| sees_channel(role, visibility, added).to_string(),
    );
    check(
        rows,
        expect![[r#"
            Guest: Public=false Public+added=true Private=false Private+added=true
            Member: Public=true Public+added=true Private=false Private+added=true
            Admin: Public=true Public+added=true Private=false Private+added=true
            Owner: Public=true Public+added=true Private=false Private+added=true
        "#]],
    );
}

#[test]
fn each_deed_takes_its_role() {
    let deeds = [
        Deed::MakeChannel,
        Deed::BeginChat,
        Deed::ConfigureAgents,
        Deed::SeeInvitations,
        Deed::UseSandboxes,
        Deed::SeeUsage,
        Deed::SetApprovalPolicy,
        Deed::SetQuotas,
        Deed::SetRetention,
        Deed::DeleteChannel,
        Deed::DeleteOrg,
    ];
    let rows = table(&deeds, |deed| format!("{deed:?}"), |role, deed| word(may(role, deed)));
    check(
        rows,
        expect![[r#"
            Guest: MakeChannel=Forbidden BeginChat=Forbidden ConfigureAgents=Forbidden SeeInvitations=Forbidden UseSandboxes=Forbidden SeeUsage=Forbidden SetApprovalPolicy=Forbidden SetQuotas=Forbidden SetRetention=Forbidden DeleteChannel=Forbidden DeleteOrg=Forbidden
            Member: MakeChannel=yes BeginChat=yes ConfigureAgents=Forbidden SeeInvitations=Forbidden UseSandboxes=yes SeeUsage=yes SetApprovalPolicy=Forbidden SetQuotas=Forbidden SetRetention=Forbidden DeleteChannel=Forbidden DeleteOrg=Forbidden
            Admin: MakeChannel=yes BeginChat=yes ConfigureAgents=yes SeeInvitations=yes UseSandboxes=yes SeeUsage=yes SetApprovalPolicy=yes SetQuotas=yes SetRetention=yes DeleteChannel=yes DeleteOrg=Forbidden
            Owner: MakeChannel=yes BeginChat=yes ConfigureAgents=yes SeeInvitations=yes UseSandboxes=yes SeeUsage=yes SetApprovalPolicy=yes SetQuotas=yes SetRetention=yes DeleteChannel=yes DeleteOrg=yes
        "#]],
    );
}

#[test]
fn a_chat_is_deleted_by_its_moderators_and_by_admins_who_see_it() {
    let parts = [None, Some(ParticipantRole::Member), Some(ParticipantRole::Moderator)];
    let cells = [true, false].map(|sees| parts.map(|part| (sees, part))).concat();
    check(
        table(
            &cells,
            |(sees, part)| format!("{}/{part:?}", if *sees { "sees" } else { "blind" }),
            |role, (sees, part)| word(delete_chat(role, sees, part)),
        ),
        expect![[r#"
            Guest: sees/None=Forbidden sees/Some(Member)=Forbidden sees/Some(Moderator)=yes blind/None=NotFound blind/Some(Member)=Forbidden blind/Some(Moderator)=yes
            Member: sees/None=Forbidden sees/Some(Member)=Forbidden sees/Some(Moderator)=yes blind/None=NotFound blind/Some(Member)=Forbidden blind/Some(Moderator)=yes
            Admin: sees/None=yes sees/Some(Member)=yes sees/Some(Moderator)=yes blind/None=NotFound blind/Some(Member)=Forbidden blind/Some(Moderator)=yes
            Owner: sees/None=yes sees/Some(Member)=yes sees/Some(Moderator)=yes blind/None=NotFound blind/Some(Member)=Forbidden blind/Some(Moderator)=yes
        "#]],
    );
}
