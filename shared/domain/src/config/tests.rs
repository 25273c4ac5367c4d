//! What each key takes and what it refuses, as a table; defaults; and the layout in the hands of people who see different
//! channels.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

/// One line for each value: what it is kept as, or why it is refused.
#[track_caller]
fn check(key: ConfigKey, values: &[Value], expected: Expect) {
    let lines = values.iter().map(|value| match Setting::parse(key, value) {
        Ok(setting) => {
            assert_eq!(setting.key(), key);
            assert_eq!(Setting::parse(key, &setting.value()), Ok(setting.clone()), "read as it is written");
            format!("{value} -> {}\n", setting.value())
        }
        Err(problem) => {
            assert_eq!((problem.status, problem.field.as_deref()), (422, Some("value")), "{value}");
            let mut shown = value.to_string();
            shown.truncate(60);
            format!("{shown} refused: {}\n", problem.detail.unwrap())
        }
    });
    expected.assert_eq(&lines.collect::<String>());
}

fn channel(n: u8) -> ChannelId {
    ChannelId::fresh(1_800_000_000_000, [n; 10])
}

fn agent(n: u8) -> AgentId {
    AgentId::fresh(1_800_000_000_000, [n; 10])
}

#[test]
fn every_key_has_a_default_that_it_takes() {
    let all = ConfigKey::ALL.map(|key| {
        let setting = Setting::default_of(key);
        assert_eq!(setting.key(), key);
        assert_eq!(Setting::parse(key, &setting.value()), Ok(setting.clone()));
        format!("{} {}\n", key.name(), setting.value())
    });
    expect![[r#"
        sidebar_layout {"folded":[],"order":[]}
        theme "system"
        agent_roster_order []
        fork_terminology {"many":"forks","one":"fork"}
        max_forks_per_thread 5
        default_agent null
        features {}
        archive_after_days 2
    "#]]
    .assert_eq(&all.concat());
}

#[test]
fn a_theme_is_one_of_three_words() {
    check(
        ConfigKey::Theme,
        &[json!("dark"), json!("light"), json!("system"), json!("Dark"), json!(null), json!(["dark"])],
        expect![[r#"
            "dark" -> "dark"
            "light" -> "light"
            "system" -> "system"
            "Dark" refused: must be system, light or dark
            null refused: must be system, light or dark
            ["dark"] refused: must be system, light or dark
        "#]],
    );
}

#[test]
fn forks_are_called_by_two_short_lines() {
    check(
        ConfigKey::ForkTerminology,
        &[
            json!({"one": " thread ", "many": "threads"}),
            json!({"one": "Nebengespräch", "many": "Nebengespräche"}),
            json!({"one": "x".repeat(30), "many": "y"}),
            json!({"one": "x".repeat(31), "many": "y"}),
            json!({"one": "  ", "many": "y"}),
            json!({"one": "a\nb", "many": "y"}),
            json!({"one": "a\u{0}b", "many": "y"}),
            json!({"one": "thread"}),
            json!({"one": "a", "many": "b", "few": "c"}),
            json!("thread"),
        ],
        expect![[r#"
            {"many":"threads","one":" thread "} -> {"many":"threads","one":"thread"}
            {"many":"Nebengespräche","one":"Nebengespräch"} -> {"many":"Nebengespräche","one":"Nebengespräch"}
            {"many":"y","one":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"} -> {"many":"y","one":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}
            {"many":"y","one":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"} refused: must have 1 to 30 characters
            {"many":"y","one":"  "} refused: must have 1 to 30 characters
            {"many":"y","one":"a\nb"} refused: must not hold control characters
            {"many":"y","one":"a\u0000b"} refused: must not hold control characters
            {"one":"thread"} refused: must be an object with the texts one and many
            {"few":"c","many":"b","one":"a"} refused: must be an object with the texts one and many
            "thread" refused: must be an object with the texts one and many
        "#]],
    );
}

#[test]
fn open_forks_are_none_to_fifty() {
    check(
        ConfigKey::MaxForksPerThread,
        &[json!(0), json!(50), json!(51), json!(-1), json!(2.5), json!("5"), json!(null), json!(5e30)],
        expect![[r#"
            0 -> 0
            50 -> 50
            51 refused: must be a whole number from 0 to 50
            -1 refused: must be a whole number from 0 to 50
            2.5 refused: must be a whole number from 0 to 50
            "5" refused: must be a whole number from 0 to 50
            null refused: must be a whole number from 0 to 50
            5e+30 refused: must be a whole number from 0 to 50
        "#]],
    );
}

#[test]
fn chats_are_archived_after_days_or_never() {
    check(
        ConfigKey::ArchiveAfterDays,
        &[json!(null), json!(1), json!(3650), json!(0), json!(3651), json!("2"), json!(false)],
        expect![[r#"
            null -> null
            1 -> 1
            3650 -> 3650
            0 refused: must be a whole number from 1 to 3650, or null
            3651 refused: must be a whole number from 1 to 3650, or null
            "2" refused: must be a whole number from 1 to 3650, or null
            false refused: must be a whole number from 1 to 3650, or null
        "#]],
    );
}

#[test]
fn the_default_agent_is_an_id_or_nobody() {
    let id = agent(1).to_string();
    for fits in [json!(id), json!(null)] {
        assert_eq!(Setting::parse(ConfigKey::DefaultAgent, &fits).unwrap().value(), fits);
    }
    check(
        ConfigKey::DefaultAgent,
        &[json!("demo"), json!(channel(1).to_string()), json!({})],
        expect![[r#"
            "demo" refused: must be an agent's id, or null
            "chan_01a3185c500071018101010101010101" refused: must be an agent's id, or null
            {} refused: must be an agent's id, or null
        "#]],
    );
}

#[test]
fn agents_are_listed_once_each() {
    let (one, two) = (agent(1).to_string(), agent(2).to_string());
    let order = json!([two, one]);
    assert_eq!(Setting::parse(ConfigKey::AgentRosterOrder, &order).unwrap().value(), order);
    let many: Vec<_> = (0..=200_u8).map(|n| agent(n).to_string()).collect();
    for (wrong, why) in [
        (json!([one, one]), "must name each once"),
        (json!(many), "must name at most 200"),
        (json!([7]), "must be a list of agents' ids"),
        (json!({}), "must be a list of agents' ids"),
    ] {
        let problem = Setting::parse(ConfigKey::AgentRosterOrder, &wrong).unwrap_err();
        assert_eq!(problem.detail.as_deref(), Some(why));
    }
}

#[test]
fn switches_have_plain_names_and_are_on_or_off() {
    let many: Map<String, Value> = (0..51).map(|n| (format!("f{n}"), json!(true))).collect();
    check(
        ConfigKey::Features,
        &[
            json!({"beta.search": true, "old_list": false}),
            json!({"": true}),
            json!({"Beta": true}),
            json!({"1x": true}),
            json!({"a b": true}),
            json!({"x": "yes"}),
            json!([]),
            Value::Object(many),
        ],
        expect![[r#"
            {"beta.search":true,"old_list":false} -> {"beta.search":true,"old_list":false}
            {"":true} refused: a switch's name has 1 to 60 of a-z, 0-9, underscore, hyphen and dot, and begins with a letter
            {"Beta":true} refused: a switch's name has 1 to 60 of a-z, 0-9, underscore, hyphen and dot, and begins with a letter
            {"1x":true} refused: a switch's name has 1 to 60 of a-z, 0-9, underscore, hyphen and dot, and begins with a letter
            {"a b":true} refused: a switch's name has 1 to 60 of a-z, 0-9, underscore, hyphen and dot, and begins with a letter
            {"x":"yes"} refused: must be an object whose values are true or false
            [] refused: must be an object whose values are true or false
            {"f0":true,"f1":true,"f10":true,"f11":true,"f12":true,"f13": refused: must have at most 50 switches
        "#]],
    );
}

#[test]
fn a_layout_names_channels_once_in_each_list() {
    let (one, two) = (channel(1).to_string(), channel(2).to_string());
    let parsed = |value: Value| Setting::parse(ConfigKey::SidebarLayout, &value);
    let whole = json!({"order": [two, one], "folded": [one]});
    assert_eq!(parsed(whole.clone()).unwrap().value(), whole);
    assert_eq!(parsed(json!({})).unwrap(), Setting::default_of(ConfigKey::SidebarLayout));
    for wrong in [
        json!({"order": [one, one]}),
        json!({"folded": [two, two]}),
        json!({"order": ["general"]}),
        json!({"order": one}),
        json!({"open": []}),
        json!(null),
    ] {
        assert!(parsed(wrong.clone()).is_err(), "{wrong}");
    }
}

fn layout(order: &[u8], folded: &[u8]) -> SidebarLayout {
    let all = |list: &[u8]| list.iter().map(|n| channel(*n)).collect();
    SidebarLayout { order: all(order), folded: all(folded) }
}

fn set(channels: &[u8]) -> BTreeSet<ChannelId> {
    channels.iter().map(|n| channel(*n)).collect()
}

#[test]
fn somebody_is_shown_only_the_channels_that_they_see() {
    let whole = layout(&[3, 1, 2], &[2, 4]);
    assert_eq!(whole.named(), set(&[1, 2, 3, 4]));
    assert_eq!(whole.clone().shown(&set(&[1, 2])), layout(&[1, 2], &[2]));
    assert_eq!(whole.shown(&set(&[])), SidebarLayout::default());
}

#[test]
fn what_somebody_does_not_see_keeps_its_place_when_they_change_the_rest() {
    let before = layout(&[9, 1, 8, 2, 3], &[8, 3]);
    let unseen = set(&[8, 9]);
    assert_eq!(layout(&[3, 2, 1], &[1]).keeping(&before, &unseen), layout(&[9, 3, 2, 1, 8], &[1, 8]));
    assert_eq!(layout(&[], &[]).keeping(&before, &unseen), layout(&[9, 8], &[8]));
    // What they see and left out is out.
    assert_eq!(layout(&[2], &[]).keeping(&before, &set(&[])), layout(&[2], &[]));
}
