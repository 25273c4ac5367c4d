//! Which executor makes a sandbox.

use slipway_store::sandboxes::StoredSandbox;

use crate::settings::{Host, Hosts};

/// Whether no executor has files of it yet.
pub(super) const fn is_new(row: &StoredSandbox) -> bool {
    row.sandbox.epoch == 1
}

/// The executors that may make a sandbox, the first one first: the one that has its files and, where these are kept
/// elsewhere as well (`kept`) or there are none yet, then all others, beginning with another for each sandbox.
pub(super) fn around<'h>(hosts: &'h Hosts, row: &StoredSandbox, kept: bool) -> Vec<&'h Host> {
    let own = row.executor.as_deref();
    if !is_new(row) && own.is_some() && !kept {
        return own.and_then(|id| hosts.get(id)).into_iter().collect();
    }
    let mut all: Vec<&Host> = hosts.iter().collect();
    if let Some(places) = all.len().checked_sub(1) {
        let last = row.id.uuid().as_bytes().last().copied().unwrap_or_default();
        all.rotate_left(usize::from(last) % (places + 1));
    }
    // A start that goes on begins where it was.
    all.sort_by_key(|host| own != Some(host.id.as_str()));
    all
}

#[cfg(test)]
mod tests {
    use slipway_contract::sandbox::SandboxSize;
    use slipway_contract::{Actor, ApprovalId, ChatId, OrgId, SandboxId, Seq, Timestamp};
    use slipway_domain::sandbox::Sandbox;
    use slipway_store::sandboxes::Told;

    use super::*;

    fn row(last: u8, epoch: u64, executor: Option<&str>) -> StoredSandbox {
        let now = Timestamp::from_unix_ms(0);
        let chat = ChatId::fresh(1, [0; 10]);
        StoredSandbox {
            id: SandboxId::fresh(1, [last; 10]),
            org: OrgId::fresh(1, [0; 10]),
            chat,
            approval: ApprovalId::new(chat, Seq(1)),
            sandbox: Sandbox { epoch, ..Sandbox::new(now) },
            size: SandboxSize::Small,
            hosts: Vec::new(),
            hosts_version: 1,
            template: None,
            executor: executor.map(str::to_owned),
            asked_by: Actor::System,
            user: None,
            created_at: now,
            changed_at: now,
            told: Told { chat: 0, route: 0, executor_epoch: 0, executor_hosts: 0 },
        }
    }

    fn order(ids: &[&str], row: &StoredSandbox) -> String {
        placed(ids, row, false)
    }

    fn placed(ids: &[&str], row: &StoredSandbox, kept: bool) -> String {
        let all: Vec<String> =
            ids.iter().map(|id| format!(r#"{{"id":"{id}","url":"http://{id}","key":"k"}}"#)).collect();
        let hosts = Hosts::read(|_| Some(format!("[{}]", all.join(",")))).unwrap();
        around(&hosts, row, kept).iter().map(|host| host.id.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn new_sandboxes_are_spread_and_try_every_executor() {
        let three = ["a", "b", "c"];
        let orders = [0, 1, 2, 3].map(|last| order(&three, &row(last, 1, None)));
        assert_eq!(orders, ["a b c", "b c a", "c a b", "a b c"]);
        assert_eq!(order(&[], &row(0, 1, None)), "");
    }

    #[test]
    fn a_start_that_goes_on_begins_where_it_was() {
        assert_eq!(order(&["a", "b", "c"], &row(0, 1, Some("c"))), "c a b");
    }

    #[test]
    fn a_sandbox_with_files_stays_where_they_are() {
        assert_eq!(order(&["a", "b"], &row(0, 2, Some("b"))), "b");
        assert_eq!(order(&["a"], &row(0, 2, Some("gone"))), "");
    }

    #[test]
    fn a_sandbox_whose_files_are_kept_may_move_but_rather_stays() {
        assert_eq!(placed(&["a", "b", "c"], &row(0, 2, Some("b")), true), "b a c");
        assert_eq!(placed(&["a", "c"], &row(1, 2, Some("gone")), true), "c a");
    }
}
