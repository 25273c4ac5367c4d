//! Works on one step: loads the agent, calls its model, tells what it says, and always says how it ended.

use std::pin::pin;
use std::time::Duration;

use futures::SinkExt;
use futures::future::{Either, select};
use slipway_contract::objects::engine::{EngineFrame, TurnRequest};
use slipway_edge::clock;
use slipway_llm::{ProviderError, ToolSpec};
use worker::Delay;

use super::agent::{self, Ready};
use super::failure::Failure;
use super::prompt::{self, Asked};
use super::report::Report;
use super::settings::{self, Route};
use super::source::{Call, Source};
use super::telling::Telling;
use super::watch::{Awaited, Look, Watch};
use crate::errand::Errand;
use crate::settings::Hosts;
use crate::stream::{self, Lines};
use crate::tools::specs;

/// Works until the step has ended or nobody listens any more.
pub(crate) async fn run(errand: &Errand, request: &TurnRequest, lines: Lines) {
    let begun = clock::now();
    let setting = |name: &str| errand.setting(name);
    let watch = Watch::new(settings::limits(setting), begun.unix_ms());
    let mut step =
        Step { provider: "slipway", report: Report::new(request, begun), watch, timer: None, lines };
    let last = match step.answer(errand, request, setting).await {
        Ok(frame) => {
            step.report.finished();
            frame
        }
        Err(Stop::Failed(failure)) => {
            step.report.failed(&failure);
            failure.frame()
        }
        Err(Stop::Gone) => return,
    };
    // Nobody is left to be told that nobody listens.
    let _gone = step.tell(&[last]).await;
}

struct Step {
    provider: &'static str,
    report: Report,
    watch: Watch,
    /// When it rings, in milliseconds since the epoch. It is kept over many waits, so that timers stay few.
    timer: Option<(i64, Delay)>,
    lines: Lines,
}

/// Why a step stops before its end.
enum Stop {
    Failed(Failure),
    /// Nobody listens any more.
    Gone,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<ProviderError> for Stop {
    fn from(error: ProviderError) -> Self {
        Self::Failed(error.into())
    }
}

impl Step {
    /// The frame that ends the reply.
    async fn answer(
        &mut self,
        errand: &Errand,
        request: &TurnRequest,
        setting: impl Fn(&str) -> Option<String>,
    ) -> Result<EngineFrame, Stop> {
        let Ready { agent, model, given } = self.wait(agent::load(errand, request)).await??;
        self.provider = settings::provider_name(&model);
        self.report.model = Some(model.to_string());
        let Asked { call, bill } = prompt::build(request, &agent, &model, &given, tools(&setting));
        let mut source = match settings::route(&model, setting)? {
            Route::Demo(per_second) => Source::demo(&call, per_second),
            Route::Provider(provider) => {
                self.watch.awaits(Awaited::FirstByte, now());
                Source::Provider(self.wait(Call::ask(&*provider, self.provider, &call)).await??)
            }
        };
        let mut telling = Telling::after(&request.steps);
        while !telling.is_whole() {
            let mut events = Vec::new();
            let result = self.wait(source.next(&mut events)).await?;
            let mut frames = Vec::new();
            let taken = telling.take(events, self.provider, &mut frames);
            self.report.usage = telling.usage;
            self.tell(&frames).await?;
            taken.and(result)?;
            self.watch.awaits(Awaited::More, now());
        }
        let model = model.to_string();
        let (receipt, measured) = bill.settle(&model, telling.usage, request.measured.as_ref());
        // A summary is no answer that anybody asks about.
        let receipt = Some(Box::new(receipt)).filter(|_| !request.summarise);
        Ok(telling.end(model, self.provider, receipt, measured)?)
    }

    /// Waits for `work` as long as the watch allows, and tells the caller in between that the step still works.
    async fn wait<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let mut work = pin!(work);
        loop {
            let now = now();
            match self.watch.look(now) {
                Look::Wait(time) => {
                    let due = now + time;
                    let (_, timer) = match self.timer.take().filter(|(rings, _)| *rings <= due) {
                        Some(timer) => self.timer.insert(timer),
                        None => {
                            self.timer.insert((due, Delay::from(Duration::from_millis(time.unsigned_abs()))))
                        }
                    };
                    match select(work.as_mut(), timer).await {
                        Either::Left((done, _)) => return Ok(done),
                        Either::Right(((), _)) => self.timer = None,
                    }
                }
                Look::Alive => self.tell(&[EngineFrame::Alive]).await?,
                Look::Late(late) => {
                    let of_provider = late.of_provider(self.provider).map(Failure::from);
                    return Err(of_provider.unwrap_or_else(|| Failure::database(true)).into());
                }
            }
        }
    }

    async fn tell(&mut self, frames: &[EngineFrame]) -> Result<(), Stop> {
        if frames.is_empty() {
            return Ok(());
        }
        // Frames of the contract become JSON, all of them.
        let lines = stream::lines(frames).map_err(|_| Stop::Gone)?;
        self.lines.send(lines).await.map_err(|_| Stop::Gone)?;
        self.watch.told(now());
        Ok(())
    }
}

/// The tools that are answered here: those of sandboxes where there are any to be had.
fn tools(setting: impl Fn(&str) -> Option<String>) -> Vec<ToolSpec> {
    let any = Hosts::read(setting).is_ok_and(|hosts| !hosts.is_empty());
    if any { specs::all() } else { specs::everywhere() }
}

fn now() -> i64 {
    clock::now().unix_ms()
}
