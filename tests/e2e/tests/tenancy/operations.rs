//! Every operation of the API, and whom it is for. An operation that is missing here fails the tests.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use e2e::World;
use reqwest::Method;
use serde_json::Value;
use slipway_contract::http::orgs::Role;

/// Whom an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Anybody, without a token: it shows nothing of an org, or acts by a password or cookie.
    Open,
    /// Whoever holds an invitation's link.
    Link,
    /// The person that the link is for.
    Invited,
    /// Anybody with a token, about themselves.
    Person,
    /// Members with at least this role.
    Org(Role),
    /// Members who see the channel, with at least this role.
    Channel(Role),
    /// Participants of the chat.
    Chat,
    /// Participants of the chat who are no guests of the org.
    Acting,
    /// Moderators of the chat, or the author of the message.
    Moderator,
    /// Whoever has a ticket for the chat.
    Ticket,
    /// Whoever has a ticket for a terminal.
    TerminalTicket,
}

/// An operation with a request that fits. `{…}` stands for an id of the org that is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: Option<&'static str>,
    pub(crate) reach: Reach,
}

impl Operation {
    pub(crate) fn method(&self) -> Result<Method> {
        Ok(self.method.parse()?)
    }

    /// Whether it names something of an org besides the org itself.
    pub(crate) fn names_more(&self) -> bool {
        let text = format!("{}{}", self.path, self.body.unwrap_or_default());
        let names = [
            "channel",
            "chat",
            "message",
            "fork",
            "spare",
            "turn",
            "agent",
            "invitation",
            "member",
            "user",
            "approval",
            "sandbox",
            "artifact",
            "attachment",
            "snapshot",
            "deletion",
            "item",
        ];
        names.iter().any(|name| text.contains(&format!("{{{name}}}")))
    }

    pub(crate) fn names_org(&self) -> bool {
        self.path.contains("{org}")
    }
}

const fn op(method: &'static str, path: &'static str, reach: Reach, body: &'static str) -> Operation {
    let body = if body.is_empty() { None } else { Some(body) };
    Operation { method, path, body, reach }
}

/// All of them; what takes something away stands behind what needs it.
pub(crate) const OPERATIONS: &[Operation] = {
    use Reach::{Acting, Channel, Chat, Invited, Link, Moderator, Open, Org, Person, TerminalTicket, Ticket};
    use Role::{Admin, Guest, Member, Owner};
    &[
        op("GET", "/v1/health", Open, ""),
        op("GET", "/v1/openapi.json", Open, ""),
        op("POST", "/v1/auth/signup", Open, "{}"),
        op("POST", "/v1/auth/login", Open, "{}"),
        op("POST", "/v1/auth/refresh", Open, ""),
        op("POST", "/v1/auth/logout", Open, ""),
        op("GET", "/v1/me", Person, ""),
        // By a password, and never with the right one here.
        op("DELETE", "/v1/me", Open, r#"{"password":"x"}"#),
        op("GET", "/v1/deletions/{deletion}", Person, ""),
        op("GET", "/v1/me/deletion-preview", Person, ""),
        op("GET", "/v1/orgs", Person, ""),
        op("POST", "/v1/orgs", Person, r#"{"name":"One more"}"#),
        op("GET", "/v1/invitations/{token}", Link, ""),
        op("POST", "/v1/invitations/{token}/accept", Invited, ""),
        op("GET", "/v1/orgs/{org}/members", Org(Guest), ""),
        op("POST", "/v1/orgs/{org}/members/{member}/role", Org(Admin), r#"{"role":"admin"}"#),
        op("GET", "/v1/orgs/{org}/invitations", Org(Admin), ""),
        op("POST", "/v1/orgs/{org}/invitations", Org(Admin), r#"{"email":"x@example.org","role":"guest"}"#),
        op("GET", "/v1/orgs/{org}/channels", Org(Guest), ""),
        op("POST", "/v1/orgs/{org}/channels", Org(Member), r#"{"name":"fresh","visibility":"public"}"#),
        op("GET", "/v1/orgs/{org}/channels/{channel}/members", Channel(Guest), ""),
        op("POST", "/v1/orgs/{org}/channels/{channel}/members", Channel(Member), r#"{"user":"{user}"}"#),
        op("GET", "/v1/orgs/{org}/channels/{channel}/chats", Channel(Guest), ""),
        op(
            "POST",
            "/v1/orgs/{org}/channels/{channel}/chats",
            Channel(Member),
            r#"{"title":"x","agents":["{agent}"]}"#,
        ),
        op("GET", "/v1/orgs/{org}/agents", Org(Guest), ""),
        op("POST", "/v1/orgs/{org}/agents", Org(Admin), r#"{"slug":"fresh","name":"Fresh","model":"demo"}"#),
        op("PATCH", "/v1/orgs/{org}/agents/{agent}", Org(Admin), r#"{"name":"Renamed"}"#),
        op("GET", "/v1/orgs/{org}/config", Org(Guest), ""),
        op("GET", "/v1/orgs/{org}/config/theme", Org(Guest), ""),
        op("PUT", "/v1/orgs/{org}/config/theme", Org(Admin), r#"{"value":"dark"}"#),
        op("GET", "/v1/chats/{chat}", Chat, ""),
        op("PATCH", "/v1/chats/{chat}", Chat, r#"{"title":"Renamed"}"#),
        op("GET", "/v1/chats/{chat}/events", Chat, ""),
        op("GET", "/v1/chats/{chat}/participants", Chat, ""),
        op("POST", "/v1/chats/{chat}/participants", Chat, r#"{"user":"{user}"}"#),
        op("POST", "/v1/chats/{chat}/messages", Chat, r#"{"client_id":"x","text":"x"}"#),
        op("POST", "/v1/chats/{chat}/attachments", Chat, r#"{"name":"x","bytes":1,"client_id":"x"}"#),
        op("PUT", "/v1/attachments/{attachment}/parts/1", Chat, "x"),
        op("POST", "/v1/attachments/{attachment}/complete", Chat, ""),
        op("GET", "/v1/attachments/{attachment}", Chat, ""),
        op("DELETE", "/v1/attachments/{attachment}", Chat, ""),
        op("GET", "/v1/chats/{chat}/forks", Chat, ""),
        op(
            "POST",
            "/v1/chats/{chat}/forks",
            Chat,
            r#"{"message":"{message}","description":"x","client_id":"x"}"#,
        ),
        op("POST", "/v1/chats/{chat}/forks/{fork}/resolve", Chat, ""),
        op("POST", "/v1/chats/{chat}/forks/{fork}/accept", Chat, r#"{"summary":"x"}"#),
        op("POST", "/v1/chats/{chat}/forks/{spare}/abandon", Chat, ""),
        op("POST", "/v1/chats/{chat}/socket-ticket", Chat, ""),
        op("GET", "/v1/chats/{chat}/socket", Ticket, ""),
        op("PUT", "/v1/chats/{chat}/messages/{message}/reactions/%F0%9F%91%8D", Chat, ""),
        op("DELETE", "/v1/chats/{chat}/messages/{message}/reactions/%F0%9F%91%8D", Chat, ""),
        op("PUT", "/v1/chats/{chat}/messages/{message}/pin", Chat, ""),
        op("DELETE", "/v1/chats/{chat}/messages/{message}/pin", Chat, ""),
        op("PATCH", "/v1/chats/{chat}/messages/{message}", Moderator, r#"{"text":"changed"}"#),
        op("DELETE", "/v1/chats/{chat}/messages/{message}", Moderator, ""),
        op("POST", "/v1/turns/{turn}/cancel", Chat, ""),
        op("GET", "/v1/orgs/{org}/approvals", Org(Guest), ""),
        op("GET", "/v1/orgs/{org}/approval-policy", Org(Guest), ""),
        op("PUT", "/v1/orgs/{org}/approval-policy", Org(Admin), r#"{"quorum":2,"self_approval":"never"}"#),
        op("POST", "/v1/approvals/{approval}/decision", Acting, r#"{"decision":"approve"}"#),
        op("GET", "/v1/orgs/{org}/context-items?chat={chat}", Channel(Guest), ""),
        op(
            "POST",
            "/v1/orgs/{org}/context-items",
            Channel(Member),
            r#"{"scope":"channel","channel":"{channel}","title":"x","text":"x","client_id":"x"}"#,
        ),
        op(
            "PATCH",
            "/v1/orgs/{org}/context-items/{item}",
            Channel(Member),
            r#"{"version":1,"title":"Renamed"}"#,
        ),
        op("GET", "/v1/orgs/{org}/context-items/search?q=x&chat={chat}", Channel(Guest), ""),
        op("DELETE", "/v1/orgs/{org}/context-items/{item}", Channel(Member), ""),
        op("GET", "/v1/orgs/{org}/search?q=x", Org(Guest), ""),
        op("GET", "/v1/orgs/{org}/unread", Org(Guest), ""),
        op("GET", "/v1/chats/{chat}/search?q=x", Chat, ""),
        op("GET", "/v1/orgs/{org}/usage", Org(Member), ""),
        op("GET", "/v1/orgs/{org}/quotas", Org(Guest), ""),
        op("GET", "/v1/orgs/{org}/quotas/limits", Org(Admin), ""),
        op("PUT", "/v1/orgs/{org}/quotas/limits/{user}", Org(Admin), r#"{"running":5}"#),
        op("GET", "/v1/chats/{chat}/sandboxes", Chat, ""),
        op("POST", "/v1/chats/{chat}/sandboxes", Acting, r#"{"reason":"to try"}"#),
        op("GET", "/v1/sandboxes/{sandbox}", Chat, ""),
        op("PUT", "/v1/sandboxes/{sandbox}/files?path=new.txt", Acting, r#""new""#),
        op("GET", "/v1/sandboxes/{sandbox}/files?path=new.txt", Chat, ""),
        op("DELETE", "/v1/sandboxes/{sandbox}/files?path=new.txt", Acting, ""),
        op("POST", "/v1/sandboxes/{sandbox}/exec", Acting, r#"{"argv":["true"]}"#),
        op("POST", "/v1/sandboxes/{sandbox}/artifacts", Acting, r#"{"path":"kept.txt"}"#),
        op("GET", "/v1/orgs/{org}/artifacts", Org(Guest), ""),
        op("GET", "/v1/artifacts/{artifact}", Chat, ""),
        op("GET", "/v1/artifacts/{artifact}/content", Chat, ""),
        op("POST", "/v1/sandboxes/{sandbox}/snapshots", Acting, ""),
        op("GET", "/v1/sandboxes/{sandbox}/snapshots", Chat, ""),
        op("POST", "/v1/sandboxes/{sandbox}/restore", Acting, r#"{"snapshot":"{snapshot}"}"#),
        op("DELETE", "/v1/sandboxes/{sandbox}/snapshots/{snapshot}", Acting, ""),
        op("POST", "/v1/sandboxes/{sandbox}/terminal-ticket", Acting, ""),
        op("GET", "/v1/sandboxes/{sandbox}/terminal", TerminalTicket, ""),
        op("POST", "/v1/sandboxes/{sandbox}/preview-tokens", Chat, r#"{"port":8000}"#),
        op("POST", "/v1/sandboxes/{sandbox}/revoke-previews", Acting, ""),
        op("POST", "/v1/sandboxes/{sandbox}/stop", Acting, ""),
        op("DELETE", "/v1/sandboxes/{sandbox}", Acting, ""),
        op("POST", "/v1/chats/{chat}/archive", Moderator, ""),
        op("DELETE", "/v1/chats/{chat}/participants/{user}", Moderator, ""),
        op("DELETE", "/v1/orgs/{org}/invitations/{invitation}", Org(Admin), ""),
        op("DELETE", "/v1/orgs/{org}/members/{member}", Org(Admin), ""),
        op("GET", "/v1/orgs/{org}/retention", Org(Admin), ""),
        op(
            "PUT",
            "/v1/orgs/{org}/retention",
            Org(Admin),
            r#"{"chat_days":3000,"artifact_days":null,"attachment_days":3000,"audit_days":3000,"turn_days":null}"#,
        ),
        op("GET", "/v1/chats/{chat}/deletion-preview", Moderator, ""),
        op("GET", "/v1/orgs/{org}/channels/{channel}/deletion-preview", Channel(Admin), ""),
        op("GET", "/v1/orgs/{org}/deletion-preview", Org(Owner), ""),
        op("DELETE", "/v1/chats/{chat}", Moderator, ""),
        op("DELETE", "/v1/orgs/{org}/channels/{channel}", Channel(Admin), ""),
        op("DELETE", "/v1/orgs/{org}", Org(Owner), r#"{"name":"{canary}"}"#),
        op("POST", "/v1/auth/logout-all", Person, ""),
    ]
};

/// As the document names what the table names by example.
fn documented(operation: &Operation) -> (String, String) {
    let path = operation.path.split('?').next().unwrap_or_default();
    let path = path
        .replace("%F0%9F%91%8D", "{emoji}")
        .replace("participants/{user}", "participants/{participant}")
        .replace("limits/{user}", "limits/{holder}")
        .replace("config/theme", "config/{key}")
        .replace("parts/1", "parts/{part}")
        .replace("forks/{spare}", "forks/{fork}");
    (operation.method.to_lowercase(), path)
}

#[tokio::test]
async fn every_operation_of_the_document_is_in_the_table_and_the_other_way_round() -> Result<()> {
    let world = World::shared()?;
    let document: Value = world.call(Method::GET, "/v1/openapi.json").send().await?.read()?;
    let paths = document.get("paths").and_then(Value::as_object).context("no paths")?;
    let mut there = BTreeSet::new();
    for (path, item) in paths {
        for method in item.as_object().context("no operations")?.keys() {
            there.insert((method.clone(), path.clone()));
        }
    }
    let here: BTreeSet<_> = OPERATIONS.iter().map(documented).collect();
    assert_eq!(there, here);
    Ok(())
}
