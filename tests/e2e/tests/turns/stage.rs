//! A stack whose models are played: `openai:` and `anthropic:` models go to the fake provider.
//!
//! Invariant: nothing outlives the value. Tests that run at the same time share one stage; the last one ends it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use e2e::World;
use e2e::fake_model::FakeModel;
use serde_json::json;
use tokio::sync::oneshot;
use xtask::stack::Vars;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

/// The stack and its provider.
pub(crate) struct Stage {
    bed: Mutex<Testbed>,
    pub(crate) fake: FakeModel,
    _fake_runs: oneshot::Sender<()>,
}

/// The demo model need not be slow where nobody watches.
const FAST_DEMO: (&str, &str) = ("DEMO_TOKENS_PER_SECOND", "5000");

static SHARED: Mutex<Weak<Stage>> = Mutex::new(Weak::new());

impl Stage {
    /// The stage of the tests that need nothing of their own.
    pub(crate) fn shared() -> Result<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stage) = shared.upgrade() {
            return Ok(stage);
        }
        let stage = Arc::new(Self::start(&[])?);
        *shared = Arc::downgrade(&stage);
        Ok(stage)
    }

    /// A stage of one's own, with other variables of the orchestrator; an empty one counts as unset.
    pub(crate) fn start(vars: &[(&str, &str)]) -> Result<Self> {
        let (fake, fake_runs) = fake()?;
        let (openai, anthropic) = (fake.openai_base_url(), fake.anthropic_base_url());
        let usual = [
            ("OPENAI_BASE_URL", openai.as_str()),
            ("OPENAI_API_KEY", "key-of-openai"),
            ("ANTHROPIC_BASE_URL", anthropic.as_str()),
            ("ANTHROPIC_API_KEY", "key-of-anthropic"),
            FAST_DEMO,
        ];
        let all: Vars =
            usual.iter().chain(vars).map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let vars = BTreeMap::from([(Worker::Orchestrator, all)]);
        let bed = Testbed::start(Options { vars, ..Options::default() })?;
        Ok(Self { bed: Mutex::new(bed), fake, _fake_runs: fake_runs })
    }

    pub(crate) fn world(&self) -> Result<World> {
        World::of(&self.bed())
    }

    /// The stack, to break it. It stays locked for as long as the answer lives.
    pub(crate) fn bed(&self) -> MutexGuard<'_, Testbed> {
        self.bed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The fake provider on a thread of its own: it must outlive the runtime of the test that starts it.
fn fake() -> Result<(FakeModel, oneshot::Sender<()>)> {
    let (runs, ended) = oneshot::channel::<()>();
    let (started, starting) = std::sync::mpsc::channel();
    thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async move {
            let fake = FakeModel::start().await.context("no port for the fake provider");
            started.send(fake).map_err(|_| anyhow!("nobody waits"))?;
            // Ends with the sender.
            let _ = ended.await;
            Ok(())
        })
    });
    Ok((starting.recv().context("the fake provider did not start")??, runs))
}
