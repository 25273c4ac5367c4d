//! A command's output as the agent is told it: its beginning and its end, the middle left out.
//!
//! Invariant: bounded, however much a command writes; text is cut between characters.

use slipway_contract::limits::TOOL_RESULT_BYTES;
use slipway_contract::objects::executor::ExecExit;

/// Room for the lines around the output, in bytes: the exit code, what was left out, refused hosts.
const FRAME_BYTES: usize = 2 * 1024;
/// The end of an output says more than its beginning: that is where errors stand.
const HEAD_BYTES: usize = (TOOL_RESULT_BYTES - FRAME_BYTES) / 3;
const TAIL_BYTES: usize = TOOL_RESULT_BYTES - FRAME_BYTES - HEAD_BYTES;

/// Output as it comes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    head: String,
    tail: String,
    left_out: u64,
}

impl Output {
    /// More was written.
    pub(crate) fn push(&mut self, text: &str) {
        let mut rest = text;
        if self.tail.is_empty() && self.head.len() < HEAD_BYTES {
            let (fits, more) = rest.split_at(boundary_before(rest, HEAD_BYTES - self.head.len()));
            self.head.push_str(fits);
            rest = more;
        }
        self.tail.push_str(rest);
        // Cut seldom, so that an output of many small pieces costs no more than one of few.
        if self.tail.len() > 4 * TAIL_BYTES {
            self.cut();
        }
    }

    /// The text.
    pub(crate) fn shortened(mut self) -> String {
        self.cut();
        let Self { mut head, tail, left_out } = self;
        if left_out > 0 {
            if !head.ends_with('\n') {
                head.push('\n');
            }
            head.push_str(&format!("… {left_out} bytes left out …\n"));
        }
        head.push_str(&tail);
        head
    }

    fn cut(&mut self) {
        let beyond = self.tail.len().saturating_sub(TAIL_BYTES);
        if beyond == 0 {
            return;
        }
        let at = boundary_after(&self.tail, beyond);
        self.left_out = self.left_out.saturating_add(at as u64);
        self.tail.drain(..at);
    }
}

/// The text, shortened as an output is.
pub(crate) fn shortened(text: &str) -> String {
    let mut output = Output::default();
    output.push(text);
    output.shortened()
}

/// The last place between characters that is not beyond `at`.
fn boundary_before(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The first place between characters that is not before `at`.
fn boundary_after(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// What the agent is told of a command that ended.
pub(crate) fn ended(exit: &ExecExit, timeout_s: u32, output: Output) -> String {
    let seconds = seconds(exit.duration_ms);
    let mut text = if exit.timed_out {
        format!("The command was stopped: it took longer than its {timeout_s} s.")
    } else if exit.killed {
        format!("The command was killed after {seconds}.")
    } else {
        format!("exit code {} after {seconds}", exit.code)
    };
    let output = output.shortened();
    if output.trim().is_empty() {
        text.push_str("\n(no output)");
    } else {
        text.push('\n');
        text.push_str(output.trim_end_matches('\n'));
    }
    if exit.dropped_bytes > 0 {
        text.push_str(&format!("\n… {} more bytes were not kept …", exit.dropped_bytes));
    }
    text
}

fn seconds(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1_000, ms % 1_000 / 100) }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn exit() -> ExecExit {
        ExecExit {
            code: 0,
            timed_out: false,
            killed: false,
            dropped_bytes: 0,
            duration_ms: 1_234,
            refused_hosts: Vec::new(),
        }
    }

    fn output(pieces: &[&str]) -> Output {
        let mut output = Output::default();
        for piece in pieces {
            output.push(piece);
        }
        output
    }

    #[test]
    fn a_short_output_is_told_as_it_is() {
        assert_eq!(ended(&exit(), 60, output(&["a\n", "b\n"])), "exit code 0 after 1.2 s\na\nb");
        assert_eq!(ended(&exit(), 60, output(&["\n"])), "exit code 0 after 1.2 s\n(no output)");
    }

    #[test]
    fn every_end_is_told() {
        let table = [
            ExecExit { code: 127, duration_ms: 9, ..exit() },
            ExecExit { code: 137, timed_out: true, ..exit() },
            ExecExit { code: 143, killed: true, ..exit() },
            ExecExit { dropped_bytes: 1 << 30, ..exit() },
        ];
        let told: Vec<String> = table.iter().map(|exit| ended(exit, 60, output(&["x"]))).collect();
        expect![[r#"
            exit code 127 after 9 ms
            x
            The command was stopped: it took longer than its 60 s.
            x
            The command was killed after 1.2 s.
            x
            exit code 0 after 1.2 s
            x
            … 1073741824 more bytes were not kept …"#]]
        .assert_eq(&told.join("\n"));
    }

    #[test]
    fn of_a_long_output_the_middle_is_left_out_however_it_came() {
        let text: String = (0..200_000).map(|n| format!("{n}\n")).collect();
        let expected = shortened(&text);
        assert!(expected.len() + FRAME_BYTES / 2 <= TOOL_RESULT_BYTES, "{}", expected.len());
        assert!(expected.starts_with("0\n1\n2\n") && expected.ends_with("199998\n199999\n"));
        let told = expected.lines().find(|line| line.starts_with('…')).unwrap();
        let left_out: usize = told.split(' ').nth(1).unwrap().parse().unwrap();
        let kept = HEAD_BYTES + TAIL_BYTES;
        assert!(text.len().abs_diff(left_out + kept) < 8, "{left_out} and {kept} of {}", text.len());
        for size in [1, 7, 4096, 100_000] {
            let mut output = Output::default();
            for chunk in text.as_bytes().chunks(size) {
                output.push(core::str::from_utf8(chunk).unwrap());
            }
            assert_eq!(output.shortened(), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn no_character_is_cut() {
        let text = "ä€😀".repeat(20_000);
        for offset in 0..9 {
            let told = shortened(&format!("{}{text}", "x".repeat(offset)));
            let rest = told.trim_start_matches('x').replace(['ä', '€', '😀'], "");
            assert!(rest.starts_with("\n… ") && rest.ends_with(" bytes left out …\n"), "{rest}");
        }
    }
}
