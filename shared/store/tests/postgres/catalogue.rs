//! What the migrations make, read back from the catalogue: every table, now and later, is closed by default.

use expect_test::expect;

use crate::server::Server;

/// The migrations' own book-keeping; the Workers may not touch it.
const BOOKS: &str = "refinery_schema_history";

#[tokio::test]
async fn every_table_has_row_level_security_enabled_and_forced_and_a_policy_of_its_kind() {
    let server = Server::get();
    let rows = server
        .admin()
        .await
        .query(
            "SELECT relname, relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner)::text AS owner,
                    EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'org_id') AS tenant,
                    coalesce((SELECT string_agg(coalesce(qual, '') || coalesce(with_check, ''), ' ') FROM pg_policies
                               WHERE schemaname = 'public' AND tablename = relname), '') AS policies
               FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
              WHERE nspname = 'public' AND relkind IN ('r', 'p', 'f', 'm', 'v') ORDER BY relname",
            &[],
        )
        .await
        .unwrap();
    let mut seen = Vec::new();
    for row in &rows {
        let table: &str = row.get("relname");
        assert_ne!(row.get::<_, &str>("owner"), "slipway_app", "{table}");
        if table == BOOKS {
            continue;
        }
        assert!(row.get::<_, bool>("relrowsecurity"), "{table} has no row-level security");
        assert!(row.get::<_, bool>("relforcerowsecurity"), "{table} does not force it on its owner");
        let policies: &str = row.get("policies");
        let tenant: bool = row.get("tenant");
        let setting = if tenant { "app.current_org_id" } else { "app.system_job" };
        assert!(policies.contains(setting), "{table} has no policy by {setting}: {policies}");
        seen.push(format!("{table}{}", if tenant { "" } else { " (no tenant's)" }));
    }
    expect![[r#"
        agents
        approval_policies
        approvals
        artifacts
        attachment_parts
        attachments
        audit
        channel_members
        channels
        chat_archives
        chat_people
        chats
        context_embeddings
        context_items
        deletions
        invitations
        members
        messages
        org_config
        orgs
        passwords (no tenant's)
        quotas
        retention
        sandbox_acts
        sandbox_places
        sandboxes
        sessions (no tenant's)
        signin_attempts (no tenant's)
        snapshots
        snapshots_owed
        sweeps (no tenant's)
        usage_entries
        users (no tenant's)"#]]
    .assert_eq(&seen.join("\n"));
}

#[tokio::test]
async fn no_policy_lets_a_row_pass_without_a_setting() {
    let server = Server::get();
    let rows = server
        .admin()
        .await
        .query(
            "SELECT tablename || '.' || policyname AS name, permissive,
                    coalesce(qual, '') AS qual, coalesce(with_check, '') AS checks,
                    roles::text AS roles, cmd FROM pg_policies ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    assert!(!rows.is_empty());
    let mut of_owner = Vec::new();
    for row in &rows {
        let name: &str = row.get("name");
        if row.get::<_, &str>("roles") == "{slipway_owner}" {
            of_owner.push(format!("{} {name}", row.get::<_, &str>("cmd")));
            continue;
        }
        for rule in [row.get::<_, &str>("qual"), row.get::<_, &str>("checks")] {
            assert!(rule.is_empty() || rule.contains("current_setting('app."), "{name}: {rule}");
            assert!(!rule.contains("IS NULL OR"), "{name} opens when a setting is absent: {rule}");
        }
    }
    // What the owner may read, for the functions that the Workers may call and that check the org themselves.
    assert_eq!(of_owner, ["SELECT chats.search", "SELECT messages.search"]);
}

#[tokio::test]
async fn only_the_search_runs_as_the_owner_and_only_the_workers_may_call_it() {
    let server = Server::get();
    let rows = server
        .admin()
        .await
        .query(
            "SELECT proname || ' of ' || pg_get_userbyid(proowner) || ', ' || array_to_string(proconfig, ' ') AS told,
                    has_function_privilege('slipway_app', pg_proc.oid, 'EXECUTE') AS workers,
                    EXISTS (SELECT 1 FROM aclexplode(proacl) WHERE grantee = 0) AS everybody
               FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace",
            &[],
        )
        .await
        .unwrap();
    let told = rows.iter().map(|row| row.get::<_, String>("told")).collect::<Vec<_>>();
    assert_eq!(told, ["search_messages of slipway_owner, search_path=public, pg_temp"]);
    assert!(rows.iter().all(|row| row.get::<_, bool>("workers") && !row.get::<_, bool>("everybody")));
}

#[tokio::test]
async fn the_workers_role_has_the_grants_it_needs_and_no_power_of_its_own() {
    let server = Server::get();
    let admin = server.admin().await;
    let role = admin
        .query_one(
            "SELECT rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication AS power,
                    EXISTS (SELECT 1 FROM pg_auth_members WHERE member = pg_roles.oid) AS groups,
                    EXISTS (SELECT 1 FROM pg_shdepend WHERE refobjid = pg_roles.oid AND deptype = 'o') AS owns
               FROM pg_roles WHERE rolname = 'slipway_app'",
            &[],
        )
        .await
        .unwrap();
    for power in ["power", "groups", "owns"] {
        assert!(!role.get::<_, bool>(power), "slipway_app: {power}");
    }
    let rows = admin
        .query(
            "SELECT tables.table_name::text AS name,
                    coalesce((SELECT string_agg(privilege_type, ', ' ORDER BY privilege_type)
                       FROM information_schema.table_privileges AS given
                      WHERE given.table_name = tables.table_name AND grantee IN ('slipway_app', 'PUBLIC')), '') AS whole,
                    coalesce((SELECT string_agg(column_name, ', ' ORDER BY column_name)
                       FROM information_schema.column_privileges AS given
                      WHERE given.table_name = tables.table_name AND grantee IN ('slipway_app', 'PUBLIC')
                        AND privilege_type = 'UPDATE'), '') AS updates
               FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    let text = |row: &tokio_postgres::Row| {
        let [name, whole, updates] = ["name", "whole", "updates"].map(|column| row.get::<_, String>(column));
        format!(
            "{name}: {whole}{}\n",
            if updates.is_empty() { updates } else { format!("; UPDATE {updates}") }
        )
    };
    expect![[r#"
        agents: DELETE, INSERT, SELECT; UPDATE enabled, instructions, is_default, model, name
        approval_policies: DELETE, INSERT, SELECT; UPDATE quorum, self_approval
        approvals: DELETE, INSERT, SELECT; UPDATE state, version, votes
        artifacts: DELETE, INSERT, SELECT
        attachment_parts: DELETE, INSERT, SELECT; UPDATE etag
        attachments: DELETE, INSERT, SELECT; UPDATE height, media_type, message_seq, post, state, upload, width
        audit: DELETE, SELECT
        channel_members: DELETE, INSERT, SELECT
        channels: DELETE, INSERT, SELECT; UPDATE doomed
        chat_archives: DELETE, INSERT, SELECT; UPDATE changed_at, head, lease_until, manifest_sha256, packed_bytes, parts, raw_bytes, restored_at, state
        chat_people: DELETE, INSERT, SELECT; UPDATE changed, mentions, participant, read_count, version
        chats: DELETE, INSERT, SELECT; UPDATE active_at, archive_after, archive_tries, archived, changed, doomed, head, last_message_at, message_count, preview, retell, title, turns_asked, turns_seen
        context_embeddings: INSERT, SELECT; UPDATE again_at, embedding, made_at, model, version
        context_items: DELETE, INSERT, SELECT; UPDATE accepted_by, expires_at, state, tag_words, tags, text, title, version, words
        deletions: INSERT, SELECT; UPDATE cursor, due_at, ended_at, lease_owner, lease_until, leftovers, removed, step, tries, version
        invitations: DELETE, INSERT, SELECT; UPDATE accepted_at, accepted_by, revoked_at, revoked_by
        members: DELETE, INSERT, SELECT; UPDATE ended_at, joined_at, role
        messages: DELETE, INSERT, SELECT; UPDATE text, version, words
        org_config: DELETE, INSERT, SELECT; UPDATE updated_at, updated_by, value
        orgs: DELETE, INSERT, SELECT
        passwords: DELETE, INSERT, SELECT
        quotas: DELETE, INSERT, SELECT; UPDATE egress_bytes, running, seconds
        refinery_schema_history: 
        retention: DELETE, INSERT, SELECT; UPDATE artifact_days, attachment_days, audit_days, audit_gone, audit_told, chat_days, turn_days
        sandbox_acts: DELETE, INSERT, SELECT
        sandbox_places: DELETE, INSERT, SELECT; UPDATE running
        sandboxes: DELETE, INSERT, SELECT; UPDATE changed_at, detail, doomed, epoch, executor_id, hosts, hosts_version, lease_owner, lease_until, queued_at, reason, run_epoch, run_from, seen_at, starts, state, told_chat_version, told_executor_epoch, told_executor_hosts, told_route_version, used_at, version
        sessions: DELETE, INSERT, SELECT; UPDATE end_reason, ended_at, generation, rotated_at
        signin_attempts: DELETE, INSERT, SELECT; UPDATE failures, last_at
        snapshots: DELETE, INSERT, SELECT; UPDATE bytes, sha256, state
        snapshots_owed: DELETE, INSERT, SELECT; UPDATE again_at, run_epoch, tries
        sweeps: INSERT, SELECT; UPDATE cursor, last_run, lease_owner, lease_until, outcome
        usage_entries: INSERT, SELECT; UPDATE bytes, until_at
        users: DELETE, INSERT, SELECT
    "#]]
    .assert_eq(&rows.iter().map(text).collect::<String>());
}
