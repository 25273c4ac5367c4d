//! Decisions about one sandbox. Repeating what happened already changes nothing.

use slipway_contract::Timestamp;
use slipway_contract::sandbox::SandboxReason;

use super::{
    Effect, End, Happened, Phase, REMOVAL_WAITS, Refusal, Rules, Run, Sandbox, Sighting, StartFailure, Step,
};

/// What becomes of a sandbox when something happens.
///
/// # Errors
/// A [`Refusal`], when it cannot happen as things are; nothing changes then.
pub fn decide(before: &Sandbox, happened: &Happened, now: Timestamp, rules: &Rules) -> Result<Step, Refusal> {
    let mut change =
        Change { before, next: before.clone(), ledger: Vec::new(), host: Vec::new(), now, rules };
    match happened {
        Happened::StartAsked => change.start_asked()?,
        Happened::PlaceGiven => change.place_given()?,
        Happened::StartFailed { why, detail } => change.start_failed(*why, detail),
        Happened::Used => change.used(now),
        Happened::Passed => change.passed(),
        Happened::Seen(sighting) if sighting.running => change.seen_running(sighting),
        Happened::Seen(sighting) => change.seen_ended(Some(sighting)),
        Happened::Missing => change.seen_ended(None),
        Happened::Unreachable => change.unreachable(),
        Happened::StopAsked { reason, detail } => {
            change.stop(End { reason: *reason, detail: detail.clone() });
        }
        Happened::AccessRevoked => change.revoke()?,
        Happened::DestroyAsked => change.destroy(),
    }
    Ok(change.finish())
}

/// A decision in the making.
struct Change<'a> {
    before: &'a Sandbox,
    next: Sandbox,
    /// Effects that are written with the sandbox.
    ledger: Vec<Effect>,
    /// Effects at the executor.
    host: Vec<Effect>,
    now: Timestamp,
    rules: &'a Rules,
}

impl Change<'_> {
    fn finish(mut self) -> Step {
        let told = |sandbox: &Sandbox| (sandbox.state(), sandbox.epoch, sandbox.end().cloned());
        let mut effects = self.ledger;
        let changed = told(&self.next) != told(self.before);
        if changed {
            self.next.version += 1;
            // The host closes what is open before the route is told, and both before it takes its time to stop. Of what
            // has ended and goes nobody need hear in between.
            let first = |effect: &&Effect| matches!(effect, Effect::SetEpoch | Effect::Destroy);
            let first = self.host.iter().take_while(first).count();
            let rest = self.host.split_off(first);
            effects.append(&mut self.host);
            effects.extend([Effect::TellRoute, Effect::TellChat]);
            effects.extend(rest);
        } else {
            effects.append(&mut self.host);
        }
        if matches!(&self.next.phase, Phase::Failed { end, .. } if changed && end.reason == SandboxReason::CrashLoop)
        {
            effects.push(Effect::Alert);
        }
        Step { next: self.next, effects }
    }

    fn start_asked(&mut self) -> Result<(), Refusal> {
        match self.before.phase {
            Phase::Queued { .. } | Phase::Starting { .. } | Phase::Ready { .. } | Phase::Idle { .. } => {
                Ok(())
            }
            Phase::Stopping { removed: true, .. } | Phase::Removing { .. } | Phase::Destroyed { .. } => {
                Err(Refusal::Destroyed)
            }
            Phase::Stopping { removed: false, .. } => Err(Refusal::StillStopping),
            Phase::Stopped { .. } | Phase::Failed { .. } => {
                if let Some(until) = self.crashing_until() {
                    return Err(Refusal::CrashLoop { until });
                }
                self.next.epoch += 1;
                self.next.phase = Phase::Queued { since: self.now };
                Ok(())
            }
        }
    }

    fn place_given(&mut self) -> Result<(), Refusal> {
        let Phase::Queued { since } = self.before.phase else { return Err(Refusal::NotQueued) };
        self.begin(since);
        Ok(())
    }

    /// A start under the present epoch. All but the first make sure that nothing is left of the run before, which
    /// would otherwise be taken for the new one and counted twice.
    fn begin(&mut self, queued: Timestamp) {
        if self.next.epoch > 1 {
            self.host.push(Effect::Stop);
        }
        self.host.push(Effect::Create);
        let oldest = self.now.plus_ms(-self.rules.crash_window_ms);
        self.next.starts.retain(|start| *start > oldest);
        self.next.starts.push(self.now);
        self.next.phase = Phase::Starting { queued, since: self.now, epoch: self.next.epoch };
    }

    fn start_failed(&mut self, why: StartFailure, detail: &str) {
        let Phase::Starting { queued, .. } = self.before.phase else { return };
        match why {
            StartFailure::NoPlace => {
                self.next.starts.pop();
                self.ledger.push(Effect::ReleasePlace);
                self.next.phase = Phase::Queued { since: queued };
            }
            StartFailure::Refused => self.fail(SandboxReason::StartFailed, Some(detail.to_owned()), self.now),
            StartFailure::Broke => self.try_again(queued, Some(detail.to_owned()), self.now),
        }
    }

    /// A start that did not stay: once more, or given up.
    fn try_again(&mut self, queued: Timestamp, detail: Option<String>, at: Timestamp) {
        if self.crashing_until().is_some() {
            return self.fail(SandboxReason::CrashLoop, detail, at);
        }
        self.next.epoch += 1;
        self.begin(queued);
    }

    /// Until when there are too many starts in the window, if there are.
    fn crashing_until(&self) -> Option<Timestamp> {
        let starts = &self.before.starts;
        let first = starts.len().checked_sub(self.rules.crash_starts).and_then(|index| starts.get(index))?;
        let until = first.plus_ms(self.rules.crash_window_ms);
        (until > self.now).then_some(until)
    }

    fn fail(&mut self, reason: SandboxReason, detail: Option<String>, at: Timestamp) {
        self.ledger.push(Effect::ReleasePlace);
        self.next.phase = Phase::Failed { end: End { reason, detail }, at };
    }

    fn used(&mut self, at: Timestamp) {
        if let Phase::Ready { run, used_at } | Phase::Idle { run, used_at } = self.before.phase
            && at > used_at
        {
            self.next.phase = Phase::Ready { run, used_at: at };
        }
    }

    fn passed(&mut self) {
        let (Phase::Ready { run, used_at } | Phase::Idle { run, used_at }) = self.before.phase else {
            return;
        };
        let unused = self.now.since(used_at);
        if unused >= self.rules.stop_ms {
            self.stop(End { reason: SandboxReason::Idle, detail: None });
        } else if unused >= self.rules.idle_ms {
            self.next.phase = Phase::Idle { run, used_at };
        }
    }

    fn stop(&mut self, end: End) {
        let (epoch, run) = match self.before.phase {
            Phase::Queued { .. } => {
                self.next.epoch += 1;
                self.next.phase = Phase::Stopped { end, at: self.now };
                return;
            }
            Phase::Starting { epoch, .. } => (epoch, None),
            Phase::Ready { run, .. } | Phase::Idle { run, .. } => (run.epoch, Some(run)),
            Phase::Stopping { .. }
            | Phase::Removing { .. }
            | Phase::Stopped { .. }
            | Phase::Failed { .. }
            | Phase::Destroyed { .. } => return,
        };
        // What is stopped on purpose has stayed as long as it should.
        self.next.starts.pop();
        self.next.epoch += 1;
        self.next.phase = Phase::Stopping { epoch, run, end, since: self.now, removed: false };
        if run.is_some() {
            self.host.push(Effect::SetEpoch);
        }
        self.host.push(Effect::Stop);
    }

    fn seen_running(&mut self, sighting: &Sighting) {
        match &self.before.phase {
            // What runs without a place, or although it was stopped, must end.
            Phase::Queued { .. } | Phase::Stopped { .. } | Phase::Failed { .. } => {
                self.host.push(Effect::Stop)
            }
            Phase::Removing { .. } | Phase::Destroyed { .. } => self.host.push(Effect::Destroy),
            Phase::Starting { epoch, .. } if sighting.epoch < *epoch => {
                self.host.extend([Effect::Stop, Effect::Create]);
            }
            Phase::Starting { epoch, .. } => {
                let run = self.open(*epoch, sighting);
                self.next.phase = Phase::Ready { run, used_at: self.now };
                self.catch_up(sighting);
            }
            Phase::Ready { run, used_at } | Phase::Idle { run, used_at } => {
                let run = Run { seen: run.seen.max(self.now), ..*run };
                let used = sighting.used_at.unwrap_or(*used_at).clamp(*used_at, (*used_at).max(self.now));
                let idle = matches!(self.before.phase, Phase::Idle { .. }) && used == *used_at;
                self.next.phase = if idle {
                    Phase::Idle { run, used_at: used }
                } else {
                    Phase::Ready { run, used_at: used }
                };
                self.catch_up(sighting);
            }
            Phase::Stopping { epoch, run, end, since, removed } => {
                let run = match run {
                    Some(run) => Some(Run { seen: run.seen.max(self.now), ..*run }),
                    None if sighting.epoch >= *epoch => Some(self.open(*epoch, sighting)),
                    None => None,
                };
                let (end, removed) = (end.clone(), *removed);
                self.next.phase = Phase::Stopping { epoch: *epoch, run, end, since: *since, removed };
                self.host.push(Effect::Stop);
            }
        }
    }

    fn open(&mut self, epoch: u64, sighting: &Sighting) -> Run {
        let run = Run { epoch, from: sighting.started_at.unwrap_or(self.now), seen: self.now };
        self.ledger.push(Effect::OpenUsage(run));
        run
    }

    /// The host has not heard of the newest epoch.
    fn catch_up(&mut self, sighting: &Sighting) {
        if sighting.epoch < self.next.epoch {
            self.host.push(Effect::SetEpoch);
        }
    }

    /// It does not run, whether the host knows it or not.
    fn seen_ended(&mut self, sighting: Option<&Sighting>) {
        let because = sighting.and_then(|sighting| sighting.because.clone());
        match &self.before.phase {
            Phase::Starting { queued, epoch, .. } => match sighting.and_then(|it| ended_run(it, *epoch)) {
                Some((run, until)) => {
                    self.ledger.extend([Effect::OpenUsage(run), Effect::CloseUsage { run, until }]);
                    self.try_again(*queued, because, until);
                }
                None => self.host.push(Effect::Create),
            },
            // An answer from before this run began.
            Phase::Ready { run, .. } | Phase::Idle { run, .. }
                if sighting.is_some_and(|sighting| sighting.epoch < run.epoch) => {}
            Phase::Ready { run, .. } | Phase::Idle { run, .. } => {
                let until = self.close(*run, sighting);
                let crashing = self.crashing_until().is_some();
                let reason = if crashing { SandboxReason::CrashLoop } else { SandboxReason::Lost };
                self.fail(reason, because, until);
            }
            Phase::Stopping { epoch, run, end, removed, .. } => {
                let at = match (run, sighting.and_then(|it| ended_run(it, *epoch))) {
                    (Some(run), _) => self.close(*run, sighting),
                    (None, Some((run, until))) => {
                        self.ledger.extend([Effect::OpenUsage(run), Effect::CloseUsage { run, until }]);
                        until
                    }
                    (None, None) => self.now,
                };
                self.ledger.push(Effect::ReleasePlace);
                match (removed, sighting) {
                    (false, _) => self.next.phase = Phase::Stopped { end: end.clone(), at },
                    (true, Some(_)) => self.remove(end.clone()),
                    (true, None) => self.next.phase = Phase::Destroyed { at: self.now },
                }
            }
            Phase::Removing { .. } if sighting.is_none() => {
                self.next.phase = Phase::Destroyed { at: self.now };
            }
            Phase::Removing { .. } => self.host.push(Effect::Destroy),
            Phase::Destroyed { .. } if sighting.is_some() => self.host.push(Effect::Destroy),
            Phase::Queued { .. } | Phase::Stopped { .. } | Phase::Failed { .. } | Phase::Destroyed { .. } => {
            }
        }
    }

    /// Ends a run when the host says it ended, or else when it was last seen to run.
    fn close(&mut self, run: Run, sighting: Option<&Sighting>) -> Timestamp {
        let told = sighting.filter(|sighting| sighting.epoch >= run.epoch).and_then(|it| it.ended_at);
        let until = told.unwrap_or(run.seen).max(run.from);
        self.ledger.push(Effect::CloseUsage { run, until });
        until
    }

    fn unreachable(&mut self) {
        let long = |since: Timestamp| self.now.since(since) >= self.rules.unreachable_ms;
        match &self.before.phase {
            Phase::Starting { since, .. } if long(*since) => {
                self.fail(SandboxReason::ExecutorUnavailable, None, self.now);
            }
            Phase::Ready { run, .. } | Phase::Idle { run, .. } if long(run.seen) => {
                let until = self.close(*run, None);
                self.fail(SandboxReason::ExecutorUnavailable, None, until);
            }
            // It is stopped when the host comes back, whatever is written here.
            Phase::Stopping { run, end, since, removed, .. } if long(*since) => {
                let at = run.map_or(self.now, |run| self.close(run, None));
                self.ledger.push(Effect::ReleasePlace);
                self.next.phase = if *removed {
                    Phase::Removing { end: waiting(end), since: self.now }
                } else {
                    Phase::Stopped { end: end.clone(), at }
                };
            }
            Phase::Removing { end, since } => {
                self.next.phase = Phase::Removing { end: waiting(end), since: *since };
            }
            Phase::Queued { .. }
            | Phase::Starting { .. }
            | Phase::Ready { .. }
            | Phase::Idle { .. }
            | Phase::Stopping { .. }
            | Phase::Stopped { .. }
            | Phase::Failed { .. }
            | Phase::Destroyed { .. } => {}
        }
    }

    fn revoke(&mut self) -> Result<(), Refusal> {
        match self.before.phase {
            Phase::Destroyed { .. } => return Err(Refusal::Destroyed),
            // A start brings its epoch, and what it does not bring is told once it runs.
            Phase::Queued { .. }
            | Phase::Starting { .. }
            | Phase::Stopping { run: None, .. }
            | Phase::Removing { .. }
            | Phase::Stopped { .. }
            | Phase::Failed { .. } => {}
            Phase::Ready { .. } | Phase::Idle { .. } | Phase::Stopping { run: Some(_), .. } => {
                self.host.push(Effect::SetEpoch);
            }
        }
        self.next.epoch += 1;
        Ok(())
    }

    /// That it shall go is kept with how it stands: whoever asks for it may die before its host has answered.
    fn destroy(&mut self) {
        let requested = || End { reason: SandboxReason::Requested, detail: None };
        match &self.before.phase {
            Phase::Queued { .. } => {
                self.next.epoch += 1;
                self.remove(requested());
            }
            Phase::Stopped { end, .. } | Phase::Failed { end, .. } => self.remove(end.clone()),
            Phase::Removing { .. } => self.host.push(Effect::Destroy),
            Phase::Starting { .. } | Phase::Ready { .. } | Phase::Idle { .. } => {
                self.stop(requested());
                self.doom();
            }
            // Whoever stops it may be gone, and who asks waits for it.
            Phase::Stopping { .. } => {
                self.doom();
                self.host.push(Effect::Stop);
            }
            Phase::Destroyed { .. } => {}
        }
    }

    fn doom(&mut self) {
        if let Phase::Stopping { removed, .. } = &mut self.next.phase {
            *removed = true;
        }
    }

    fn remove(&mut self, end: End) {
        self.next.phase = Phase::Removing { end, since: self.now };
        self.host.push(Effect::Destroy);
    }
}

fn waiting(end: &End) -> End {
    End { detail: Some(REMOVAL_WAITS.to_owned()), ..*end }
}

/// The run that a host tells the end of, if it is of the start under `epoch`.
fn ended_run(sighting: &Sighting, epoch: u64) -> Option<(Run, Timestamp)> {
    let (from, until) = sighting.started_at.zip(sighting.ended_at)?;
    (sighting.epoch >= epoch).then(|| {
        let until = until.max(from);
        (Run { epoch, from, seen: until }, until)
    })
}
