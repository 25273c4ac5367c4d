//! What an org sets for itself. Everybody in it reads it, admins and owners set it; each change is recorded.

use slipway_contract::http::config::{Config, ConfigEntry, ConfigKey, SetConfig};
use slipway_contract::{Actor, AgentId, OrgId, Problem};
use slipway_domain::config::{Setting, SidebarLayout};
use slipway_domain::orgs::{Deed, may};
use slipway_store::config::Stored;
use slipway_store::{agents, audit, channels, config};

use crate::errand::Errand;
use crate::extract::{Body, Ids, OrgMember};
use crate::refusal::Refusal;
use crate::reply::Json;

/// Longest value that the audit log repeats, in characters.
const TOLD_CHARS: usize = 500;

/// Every key, with its default where nobody set one. Of the sidebar's layout, the channels that the caller sees.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/config", operation_id = "read_config", tag = "config", params(("org" = OrgId, Path)),
    responses((status = 200, body = Config), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(mut member: OrgMember) -> Result<Json<Config>, Refusal> {
    let mut entries = Vec::new();
    for stored in config::all(&mut member.db).await? {
        entries.push(shown(&mut member, stored).await?);
    }
    Ok(Json::ok(Config { entries }))
}

/// One key.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/config/{key}", operation_id = "read_config_key", tag = "config",
    params(("org" = OrgId, Path), ("key" = ConfigKey, Path)),
    responses((status = 200, body = ConfigEntry), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn read(
    mut member: OrgMember,
    Ids((_, key)): Ids<(OrgId, ConfigKey)>,
) -> Result<Json<ConfigEntry>, Refusal> {
    let stored = config::get(&mut member.db, key).await?;
    Ok(Json::ok(shown(&mut member, stored).await?))
}

/// Sets a key, or takes it back to its default. Of two who do so at once, the later one stands. Channels of the sidebar's layout
/// that the caller does not see keep their place.
#[utoipa::path(
    put, path = "/v1/orgs/{org}/config/{key}", operation_id = "set_config_key", tag = "config",
    params(("org" = OrgId, Path), ("key" = ConfigKey, Path)), request_body = SetConfig,
    responses((status = 200, body = ConfigEntry), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn set(
    errand: Errand,
    mut member: OrgMember,
    Ids((_, key)): Ids<(OrgId, ConfigKey)>,
    Body(asked): Body<SetConfig>,
) -> Result<Json<ConfigEntry>, Refusal> {
    may(member.role, Deed::SetConfig)?;
    let wanted = asked.value.map(|value| Setting::parse(key, &value)).transpose()?;
    let by = Actor::User { id: member.user };
    let before = config::take(&mut member.db, key, by, errand.now()).await?;
    let wanted = fitting(&mut member, wanted, &before).await?;
    if !config::set(&mut member.db, key, wanted.as_ref()).await? {
        return Err(Problem::field("value", "must be an enabled agent of this org, or null").into());
    }
    let deed = audit::Entry {
        key: format!("{}:config.set", errand.id()),
        actor: by,
        action: "config.set",
        subject: key.name().to_owned(),
        detail: told(wanted.as_ref()),
    };
    audit::append(&mut member.db, &deed).await?;
    let stored = config::get(&mut member.db, key).await?;
    let entry = shown(&mut member, stored).await?;
    member.db.commit().await?;
    Ok(Json::ok(entry))
}

/// What is to be stored: names only channels that the caller sees and agents that the org has, and keeps what they do not see.
async fn fitting(
    member: &mut OrgMember,
    wanted: Option<Setting>,
    before: &Setting,
) -> Result<Option<Setting>, Refusal> {
    if let Some(Setting::AgentRosterOrder(order)) = &wanted {
        known(member, order).await?;
        return Ok(wanted);
    }
    let Setting::SidebarLayout(before) = before else { return Ok(wanted) };
    // The default is no order at all; but what they do not see is not theirs to take out of it.
    let layout =
        if let Some(Setting::SidebarLayout(layout)) = wanted { layout } else { SidebarLayout::default() };
    let (named, held) = (layout.named(), before.named());
    let all = named.union(&held).copied().collect();
    let seen = channels::seen_of(&mut member.db, member.user, member.role, &all).await?;
    if !named.is_subset(&seen) {
        return Err(Problem::field("value", "each must be a channel that you see").into());
    }
    let unseen = held.difference(&seen).copied().collect();
    let layout = layout.keeping(before, &unseen);
    Ok((layout != SidebarLayout::default()).then_some(Setting::SidebarLayout(layout)))
}

async fn known(member: &mut OrgMember, order: &[AgentId]) -> Result<(), Refusal> {
    if agents::has_all(&mut member.db, order).await? {
        return Ok(());
    }
    Err(Problem::field("value", "each must be an agent of this org").into())
}

/// A key as the caller may see it.
async fn shown(member: &mut OrgMember, stored: Stored) -> Result<ConfigEntry, Refusal> {
    let Stored { setting, updated } = stored;
    let setting = if let Setting::SidebarLayout(layout) = setting {
        let named = layout.named();
        let seen = channels::seen_of(&mut member.db, member.user, member.role, &named).await?;
        Setting::SidebarLayout(layout.shown(&seen))
    } else {
        setting
    };
    let (updated_by, updated_at) = updated.unzip();
    Ok(ConfigEntry { key: setting.key(), value: setting.value(), updated_by, updated_at })
}

/// A setting as the audit log keeps it.
fn told(setting: Option<&Setting>) -> String {
    let Some(setting) = setting else { return "default".to_owned() };
    let text = setting.value().to_string();
    match text.char_indices().nth(TOLD_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use slipway_domain::config::Theme;

    use super::*;

    #[test]
    fn the_audit_log_says_what_was_set_and_cuts_what_is_long() {
        assert_eq!(told(None), "default");
        assert_eq!(told(Some(&Setting::Theme(Theme::Dark))), "\"dark\"");
        let ids = (0..200).map(|n| AgentId::fresh(n, [0; 10])).collect();
        let long = told(Some(&Setting::AgentRosterOrder(ids)));
        assert_eq!(long.chars().count(), TOLD_CHARS + 1);
    }
}
