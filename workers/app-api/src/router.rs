//! The routes, and the document that describes them: both come from the same list of handlers, so that they cannot differ.

use std::sync::OnceLock;

use axum::Router;
use axum::routing::MethodRouter;
use slipway_contract::ProblemCode;
use utoipa::OpenApi;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Ref, Required};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::{PathItemExt, paste, routes};

use crate::handlers::{
    agents, approvals, archives, artifacts, attachments, auth, channel_members, channels, chats, commands,
    config, context, deletion_previews, deletions, document as document_route, forks, health, invitations,
    me, members, messages, orgs, participants, pins, reactions, retention, sandbox_files, sandboxes, search,
    snapshots, sockets, terminals, turns, unread, usage,
};
use crate::refusal::Refusal;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Slipway",
        version = "1",
        description = "Requests refuse unknown fields. Lists are bounded and paged by cursor. A refusal is a problem \
                       (RFC 9457) with a stable `code`. Calls about an org's things name the org in `X-Org-Id`.",
        license(name = "AGPL-3.0-only", identifier = "AGPL-3.0-only")
    ),
    servers((url = "/")),
    // Named by a query parameter alone, which registers no schema.
    components(schemas(slipway_contract::http::usage::UsageBy)),
    security(("bearer" = []))
)]
struct Document;

/// Every operation; those of one path stand together. `$with` makes of them what it needs.
macro_rules! operations {
    ($with:ident) => {
        $with! {
            [health::read]
            [document_route::read]
            [auth::sign_up]
            [auth::log_in]
            [auth::refresh]
            [auth::log_out]
            [auth::log_out_everywhere]
            [me::read, deletions::account]
            [deletion_previews::account]
            [orgs::list, orgs::create]
            [deletions::org]
            [deletion_previews::org]
            [deletions::read]
            [retention::read, retention::set]
            [members::list]
            [members::change_role]
            [members::end]
            [invitations::list, invitations::create]
            [invitations::revoke]
            [invitations::preview]
            [invitations::accept]
            [channels::list, channels::create]
            [deletions::channel]
            [deletion_previews::channel]
            [channel_members::list, channel_members::add]
            [agents::list, agents::create]
            [agents::update]
            [chats::list, chats::create]
            [chats::read, chats::update, deletions::chat]
            [deletion_previews::chat]
            [chats::events]
            [archives::begin]
            [participants::list, participants::add]
            [participants::remove]
            [messages::post]
            [messages::edit, messages::delete]
            [reactions::add, reactions::remove]
            [pins::add, pins::remove]
            [forks::list, forks::create]
            [forks::resolve]
            [forks::accept]
            [forks::abandon]
            [sockets::ticket]
            [sockets::upgrade]
            [turns::cancel]
            [approvals::list]
            [approvals::decide]
            [approvals::read_policy, approvals::set_policy]
            [sandboxes::list, sandboxes::request]
            [sandboxes::read, sandboxes::destroy]
            [sandboxes::stop]
            [sandboxes::revoke_previews]
            [sandboxes::preview_token]
            [commands::run]
            [sandbox_files::read, sandbox_files::write, sandbox_files::delete]
            [snapshots::list, snapshots::take]
            [snapshots::restore]
            [snapshots::delete]
            [terminals::ticket]
            [terminals::upgrade]
            [artifacts::list]
            [artifacts::save]
            [artifacts::read]
            [artifacts::content]
            [attachments::begin]
            [attachments::part]
            [attachments::complete]
            [attachments::read, attachments::delete]
            [context::list, context::create]
            [context::search]
            [context::update, context::delete]
            [search::in_org]
            [unread::read]
            [search::in_chat]
            [usage::read]
            [usage::quotas]
            [usage::limits]
            [usage::set_limit]
            [config::list]
            [config::read, config::set]
        }
    };
}

/// Routes with their paths and methods, and nothing of what describes them: describing is a third of what this Worker
/// would be, and is not needed while it runs.
macro_rules! serve {
    ($([$first:ident::$one:ident $(, $module:ident::$handler:ident)*])+) => {{
        let mut served = Served::default();
        $(
            let path = serve!(@described $first::$one, path);
            let methods = serve!(@on MethodRouter::new(), $first::$one);
            $(let methods = serve!(@on methods, $module::$handler);)*
            served.add(path, methods);
        )+
        served
    }};
    (@on $methods:expr, $module:ident::$handler:ident) => {
        serve!(@described $module::$handler, methods)
            .iter()
            .fold($methods, |methods, method| methods.on(method.to_method_filter(), $module::$handler))
    };
    (@described $module:ident::$handler:ident, $what:ident) => {
        paste! { <$module::[<__path_ $handler>] as utoipa::Path>::$what() }
    };
}

macro_rules! describe {
    ($([$($module:ident::$handler:ident),+])+) => {
        OpenApiRouter::<()>::with_openapi(Document::openapi())$(.routes(routes!($($module::$handler),+)))+
    };
}

/// The routes and their paths as the document writes them.
#[derive(Default)]
struct Served {
    router: Router,
    paths: Vec<String>,
}

impl Served {
    fn add(&mut self, path: String, methods: MethodRouter) {
        self.router = core::mem::take(&mut self.router).route(&path, methods);
        self.paths.push(path);
    }
}

/// The router of an isolate.
pub(crate) fn build() -> Router {
    let served = operations!(serve);
    let _set_by_an_earlier_router = PATHS.set(served.paths);
    let router = served.router.fallback(async || Refusal::from(ProblemCode::RouteNotFound));
    router.method_not_allowed_fallback(async || Refusal::from(ProblemCode::MethodNotAllowed))
}

static PATHS: OnceLock<Vec<String>> = OnceLock::new();

/// The route as the document writes it, for the logs: known texts only.
pub(crate) fn known(route: &str) -> &'static str {
    let mut paths = PATHS.get().into_iter().flatten();
    paths.find(|path| *path == route).map_or("unknown", String::as_str)
}

/// The OpenAPI document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = operations!(describe).into_openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let in_an_org = [
        "/v1/orgs/{org}",
        "/v1/chats/",
        "/v1/turns/",
        "/v1/approvals/",
        "/v1/sandboxes/",
        "/v1/artifacts/",
        "/v1/attachments/",
    ];
    let by_ticket = ["/socket", "/terminal"];
    for (path, item) in &mut document.paths.paths {
        if in_an_org.iter().any(|start| path.starts_with(start))
            && !by_ticket.iter().any(|end| path.ends_with(end))
        {
            let operations =
                [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                operation.parameters.get_or_insert_default().push(org_header().into());
            }
        }
    }
    document
}

/// The header that extractors demand (`extract/org_header.rs`).
fn org_header() -> Parameter {
    ParameterBuilder::new()
        .name("X-Org-Id")
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some("The org that the caller works in; the path's own where it names one."))
        .schema(Some(Ref::from_schema_name("OrgId")))
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use expect_test::expect;

    use super::*;

    #[test]
    fn the_document_names_every_operation_once() {
        let document = serde_json::to_value(document()).unwrap();
        let mut lines = Vec::new();
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(ids.insert(id.to_owned()), "{id} stands for two operations");
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let header = parameters.filter(|one| one["name"] == "X-Org-Id").count();
                let open = operation["security"] == serde_json::json!([{}]);
                let marks = [if header == 1 { " org" } else { "" }, if open { " open" } else { "" }].concat();
                lines.push(format!("{} {path} {id}{marks}\n", method.to_uppercase()));
            }
        }
        expect![[r#"
            POST /v1/approvals/{approval}/decision decide_approval org
            GET /v1/artifacts/{artifact} read_artifact org
            GET /v1/artifacts/{artifact}/content read_artifact_content org
            DELETE /v1/attachments/{attachment} delete_attachment org
            GET /v1/attachments/{attachment} read_attachment org
            POST /v1/attachments/{attachment}/complete complete_attachment org
            PUT /v1/attachments/{attachment}/parts/{part} put_attachment_part org
            POST /v1/auth/login log_in open
            POST /v1/auth/logout log_out open
            POST /v1/auth/logout-all log_out_everywhere
            POST /v1/auth/refresh refresh open
            POST /v1/auth/signup sign_up open
            DELETE /v1/chats/{chat} delete_chat org
            GET /v1/chats/{chat} read_chat org
            PATCH /v1/chats/{chat} update_chat org
            POST /v1/chats/{chat}/archive archive_chat org
            POST /v1/chats/{chat}/attachments begin_attachment org
            GET /v1/chats/{chat}/deletion-preview preview_chat_deletion org
            GET /v1/chats/{chat}/events list_events org
            GET /v1/chats/{chat}/forks list_forks org
            POST /v1/chats/{chat}/forks create_fork org
            POST /v1/chats/{chat}/forks/{fork}/abandon abandon_fork org
            POST /v1/chats/{chat}/forks/{fork}/accept accept_fork org
            POST /v1/chats/{chat}/forks/{fork}/resolve draft_fork org
            POST /v1/chats/{chat}/messages post_message org
            DELETE /v1/chats/{chat}/messages/{message} delete_message org
            PATCH /v1/chats/{chat}/messages/{message} edit_message org
            DELETE /v1/chats/{chat}/messages/{message}/pin unpin_message org
            PUT /v1/chats/{chat}/messages/{message}/pin pin_message org
            DELETE /v1/chats/{chat}/messages/{message}/reactions/{emoji} remove_reaction org
            PUT /v1/chats/{chat}/messages/{message}/reactions/{emoji} add_reaction org
            GET /v1/chats/{chat}/participants list_participants org
            POST /v1/chats/{chat}/participants add_participant org
            DELETE /v1/chats/{chat}/participants/{participant} remove_participant org
            GET /v1/chats/{chat}/sandboxes list_sandboxes org
            POST /v1/chats/{chat}/sandboxes request_sandbox org
            GET /v1/chats/{chat}/search search_chat org
            GET /v1/chats/{chat}/socket open_socket open
            POST /v1/chats/{chat}/socket-ticket issue_socket_ticket org
            GET /v1/deletions/{deletion} read_deletion
            GET /v1/health health open
            GET /v1/invitations/{token} preview_invitation open
            POST /v1/invitations/{token}/accept accept_invitation
            DELETE /v1/me delete_account
            GET /v1/me me
            GET /v1/me/deletion-preview preview_account_deletion
            GET /v1/openapi.json openapi open
            GET /v1/orgs list_orgs
            POST /v1/orgs create_org
            DELETE /v1/orgs/{org} delete_org org
            GET /v1/orgs/{org}/agents list_agents org
            POST /v1/orgs/{org}/agents create_agent org
            PATCH /v1/orgs/{org}/agents/{agent} update_agent org
            GET /v1/orgs/{org}/approval-policy read_approval_policy org
            PUT /v1/orgs/{org}/approval-policy set_approval_policy org
            GET /v1/orgs/{org}/approvals list_approvals org
            GET /v1/orgs/{org}/artifacts list_artifacts org
            GET /v1/orgs/{org}/channels list_channels org
            POST /v1/orgs/{org}/channels create_channel org
            DELETE /v1/orgs/{org}/channels/{channel} delete_channel org
            GET /v1/orgs/{org}/channels/{channel}/chats list_chats org
            POST /v1/orgs/{org}/channels/{channel}/chats create_chat org
            GET /v1/orgs/{org}/channels/{channel}/deletion-preview preview_channel_deletion org
            GET /v1/orgs/{org}/channels/{channel}/members list_channel_members org
            POST /v1/orgs/{org}/channels/{channel}/members add_channel_member org
            GET /v1/orgs/{org}/config read_config org
            GET /v1/orgs/{org}/config/{key} read_config_key org
            PUT /v1/orgs/{org}/config/{key} set_config_key org
            GET /v1/orgs/{org}/context-items list_context_items org
            POST /v1/orgs/{org}/context-items create_context_item org
            GET /v1/orgs/{org}/context-items/search search_context_items org
            DELETE /v1/orgs/{org}/context-items/{item} delete_context_item org
            PATCH /v1/orgs/{org}/context-items/{item} update_context_item org
            GET /v1/orgs/{org}/deletion-preview preview_org_deletion org
            GET /v1/orgs/{org}/invitations list_invitations org
            POST /v1/orgs/{org}/invitations create_invitation org
            DELETE /v1/orgs/{org}/invitations/{invitation} revoke_invitation org
            GET /v1/orgs/{org}/members list_members org
            DELETE /v1/orgs/{org}/members/{member} end_membership org
            POST /v1/orgs/{org}/members/{member}/role change_role org
            GET /v1/orgs/{org}/quotas read_quotas org
            GET /v1/orgs/{org}/quotas/limits read_quota_limits org
            PUT /v1/orgs/{org}/quotas/limits/{holder} set_quota_limit org
            GET /v1/orgs/{org}/retention read_retention org
            PUT /v1/orgs/{org}/retention set_retention org
            GET /v1/orgs/{org}/search search_org org
            GET /v1/orgs/{org}/unread read_unread org
            GET /v1/orgs/{org}/usage read_usage org
            DELETE /v1/sandboxes/{sandbox} destroy_sandbox org
            GET /v1/sandboxes/{sandbox} read_sandbox org
            POST /v1/sandboxes/{sandbox}/artifacts save_artifact org
            POST /v1/sandboxes/{sandbox}/exec run_command org
            DELETE /v1/sandboxes/{sandbox}/files delete_file org
            GET /v1/sandboxes/{sandbox}/files read_file org
            PUT /v1/sandboxes/{sandbox}/files write_file org
            POST /v1/sandboxes/{sandbox}/preview-tokens create_preview_token org
            POST /v1/sandboxes/{sandbox}/restore restore_snapshot org
            POST /v1/sandboxes/{sandbox}/revoke-previews revoke_previews org
            GET /v1/sandboxes/{sandbox}/snapshots list_snapshots org
            POST /v1/sandboxes/{sandbox}/snapshots take_snapshot org
            DELETE /v1/sandboxes/{sandbox}/snapshots/{snapshot} delete_snapshot org
            POST /v1/sandboxes/{sandbox}/stop stop_sandbox org
            GET /v1/sandboxes/{sandbox}/terminal open_terminal open
            POST /v1/sandboxes/{sandbox}/terminal-ticket issue_terminal_ticket org
            POST /v1/turns/{turn}/cancel cancel_turn org
        "#]]
        .assert_eq(&lines.concat());
    }

    #[test]
    fn what_is_served_is_what_is_described() {
        let served: BTreeSet<String> = operations!(serve).paths.into_iter().collect();
        let described: BTreeSet<String> = document().paths.paths.into_keys().collect();
        assert_eq!(served, described);
    }

    #[test]
    fn the_router_is_built_without_a_conflict() {
        let _router = build();
        assert_eq!(known("/v1/chats/{chat}"), "/v1/chats/{chat}");
        assert_eq!(known("/v1/chats/x"), "unknown");
    }
}
