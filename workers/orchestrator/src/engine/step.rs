//! Works on one step: loads the agent, calls its model, tells what it says, and always says how it ended.

use std::pin::pin;
use std::time::Duration;

use futures::SinkExt;
use futures::future::{Either, select};
use slipway_contract::objects::engine::{EngineFrame, TurnRequest};
use slipway_edge::clock;
use slipway_llm::{ModelRef, ProviderError, ToolSpec};
use worker::{Context, Delay, Env};

use super::failure::Failure;
use super::report::Report;
use super::settings::{self, Route};
use super::source::{Call, Source};
use super::telling::Telling;
use super::watch::{Awaited, Look, Watch};
use super::{agent, prompt};
use crate::settings::Hosts;
use crate::stream::{self, Lines};
use crate::tools::specs;

/// Works until the step has ended or nobody listens any more.
pub(crate) async fn run(env: &Env, context: &Context, request: &TurnRequest, lines: Lines) {
    let begun = clock::now();
    let setting = |name: &str| env.var(name).ok().map(|value| value.to_string());
    let watch = Watch::new(settings::limits(setting), begun.unix_ms());
    let mut step =
        Step { provider: "slipway", report: Report::new(request, begun), watch, timer: None, lines };
    let last = match step.answer(env, context, request, setting).await {
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
        env: &Env,
        context: &Context,
        request: &TurnRequest,
        setting: impl Fn(&str) -> Option<String>,
    ) -> Result<EngineFrame, Stop> {
        let agent = self.wait(agent::load(env, context, request)).await??;
        let model: ModelRef = agent.model.parse().map_err(ProviderError::from)?;
        self.provider = settings::provider_name(&model);
        self.report.model = Some(model.to_string());
        let asked = prompt::build(request, &agent, &model, tools(&setting));
        let mut source = match settings::route(&model, setting)? {
            Route::Demo(per_second) => Source::demo(&asked, per_second),
            Route::Provider(provider) => {
                self.watch.awaits(Awaited::FirstByte, now());
                Source::Provider(self.wait(Call::ask(&*provider, self.provider, &asked)).await??)
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
        Ok(telling.end(model.to_string(), self.provider)?)
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

/// The tools of sandboxes, where there are any to be had.
fn tools(setting: impl Fn(&str) -> Option<String>) -> Vec<ToolSpec> {
    let any = Hosts::read(setting).is_ok_and(|hosts| !hosts.is_empty());
    if any { specs::all() } else { Vec::new() }
}

fn now() -> i64 {
    clock::now().unix_ms()
}
