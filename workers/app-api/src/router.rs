//! The routes, and the document that describes them: both come from the same handlers, so that they cannot differ.

use std::sync::OnceLock;

use axum::Router;
use slipway_contract::ProblemCode;
use utoipa::OpenApi;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Ref, Required};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::handlers::{
    agents, auth, channel_members, channels, chats, document as document_route, health, invitations, me,
    members, messages, orgs, participants, reactions, sockets, turns,
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
    security(("bearer" = []))
)]
struct Document;

fn routes() -> OpenApiRouter {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::read))
        .routes(routes!(document_route::read))
        .routes(routes!(auth::sign_up))
        .routes(routes!(auth::log_in))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::log_out))
        .routes(routes!(auth::log_out_everywhere))
        .routes(routes!(me::read))
        .routes(routes!(orgs::list, orgs::create))
        .routes(routes!(members::list))
        .routes(routes!(members::change_role))
        .routes(routes!(members::end))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::revoke))
        .routes(routes!(invitations::preview))
        .routes(routes!(invitations::accept))
        .routes(routes!(channels::list, channels::create))
        .routes(routes!(channel_members::list, channel_members::add))
        .routes(routes!(agents::list, agents::create))
        .routes(routes!(agents::update))
        .routes(routes!(chats::list, chats::create))
        .routes(routes!(chats::read, chats::update))
        .routes(routes!(chats::events))
        .routes(routes!(participants::list, participants::add))
        .routes(routes!(participants::remove))
        .routes(routes!(messages::post))
        .routes(routes!(messages::edit, messages::delete))
        .routes(routes!(reactions::add, reactions::remove))
        .routes(routes!(sockets::ticket))
        .routes(routes!(sockets::upgrade))
        .routes(routes!(turns::cancel))
}

/// The router of an isolate.
pub(crate) fn build() -> Router {
    let (router, document) = routes().split_for_parts();
    let _set_by_an_earlier_router = PATHS.set(document.paths.paths.into_keys().collect());
    router
        .fallback(async || Refusal::from(ProblemCode::RouteNotFound))
        .method_not_allowed_fallback(async || Refusal::from(ProblemCode::MethodNotAllowed))
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
    let mut document = routes().into_openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let in_an_org = ["/v1/orgs/{org}/", "/v1/chats/", "/v1/turns/"];
    for (path, item) in &mut document.paths.paths {
        if in_an_org.iter().any(|start| path.starts_with(start)) && !path.ends_with("/socket") {
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
            POST /v1/auth/login log_in open
            POST /v1/auth/logout log_out open
            POST /v1/auth/logout-all log_out_everywhere
            POST /v1/auth/refresh refresh open
            POST /v1/auth/signup sign_up open
            GET /v1/chats/{chat} read_chat org
            PATCH /v1/chats/{chat} update_chat org
            GET /v1/chats/{chat}/events list_events org
            POST /v1/chats/{chat}/messages post_message org
            DELETE /v1/chats/{chat}/messages/{message} delete_message org
            PATCH /v1/chats/{chat}/messages/{message} edit_message org
            DELETE /v1/chats/{chat}/messages/{message}/reactions/{emoji} remove_reaction org
            PUT /v1/chats/{chat}/messages/{message}/reactions/{emoji} add_reaction org
            GET /v1/chats/{chat}/participants list_participants org
            POST /v1/chats/{chat}/participants add_participant org
            DELETE /v1/chats/{chat}/participants/{participant} remove_participant org
            GET /v1/chats/{chat}/socket open_socket open
            POST /v1/chats/{chat}/socket-ticket issue_socket_ticket org
            GET /v1/health health open
            GET /v1/invitations/{token} preview_invitation open
            POST /v1/invitations/{token}/accept accept_invitation
            GET /v1/me me
            GET /v1/openapi.json openapi open
            GET /v1/orgs list_orgs
            POST /v1/orgs create_org
            GET /v1/orgs/{org}/agents list_agents org
            POST /v1/orgs/{org}/agents create_agent org
            PATCH /v1/orgs/{org}/agents/{agent} update_agent org
            GET /v1/orgs/{org}/channels list_channels org
            POST /v1/orgs/{org}/channels create_channel org
            GET /v1/orgs/{org}/channels/{channel}/chats list_chats org
            POST /v1/orgs/{org}/channels/{channel}/chats create_chat org
            GET /v1/orgs/{org}/channels/{channel}/members list_channel_members org
            POST /v1/orgs/{org}/channels/{channel}/members add_channel_member org
            GET /v1/orgs/{org}/invitations list_invitations org
            POST /v1/orgs/{org}/invitations create_invitation org
            DELETE /v1/orgs/{org}/invitations/{invitation} revoke_invitation org
            GET /v1/orgs/{org}/members list_members org
            DELETE /v1/orgs/{org}/members/{member} end_membership org
            POST /v1/orgs/{org}/members/{member}/role change_role org
            POST /v1/turns/{turn}/cancel cancel_turn org
        "#]]
        .assert_eq(&lines.concat());
    }

    #[test]
    fn the_router_is_built_without_a_conflict() {
        let _router = build();
        assert_eq!(known("/v1/chats/{chat}"), "/v1/chats/{chat}");
        assert_eq!(known("/v1/chats/x"), "unknown");
    }
}
