//! Chooses what an agent is given beside what was said: what people keep for the chat, within its budget.
//!
//! Invariants: pinned messages and outcomes of forks come before context items, and the newer of them before the older; what
//! the conversation holds anyway is not given twice; what sums up is given none of it.

use slipway_contract::http::attachments::Attachment;
use slipway_contract::objects::engine::{KeptMessage, TurnRequest};
use slipway_contract::{AttachmentId, Timestamp};
use slipway_domain::attachments::is_read;
use slipway_domain::context::{Budget, Measure, asked_words, choose};
use slipway_llm::ModelRef;
use slipway_store::context_items::{self, candidates, texts};
use slipway_store::{OrgDb, StoreError};

use super::prompt::weight_of_kept;
use crate::attachments;
use crate::errand::Errand;

/// Tokens that a turn's prompt is planned for, whatever the model: all that are sold today read twice as many and more, and
/// what is far longer costs more than it helps.
pub(crate) const CONTEXT_TOKENS: u32 = 32_000;
/// The share of it that may hold what is kept.
const KEPT_TOKENS: u32 = CONTEXT_TOKENS / 4;
/// Parts of a receipt; a turn is given at most 100 messages.
const PARTS: usize = 200;
/// Of what was said last, the messages whose words say which items matter.
const ASKED_MESSAGES: usize = 4;
/// Files that are read for a step, and their bytes.
const FILES: usize = 10;
const FILE_BYTES: u64 = 128 * 1024;
/// What is written around an item, in bytes.
const HEADING_BYTES: u64 = 64;

/// What was chosen.
#[derive(Debug, Default)]
pub(crate) struct Given<'a> {
    /// Oldest first.
    pub(crate) kept: Vec<&'a KeptMessage>,
    /// The most fitting first.
    pub(crate) items: Vec<context_items::Given>,
    /// Texts of files of the conversation.
    pub(crate) files: Vec<FileText>,
    /// How many did not fit.
    pub(crate) left_out: u32,
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct FileText {
    pub(crate) id: AttachmentId,
    pub(crate) text: String,
}

/// Chooses for a step of a turn that `model` works on.
///
/// # Errors
/// Only those of the connection.
pub(crate) async fn load<'a>(
    rows: &mut OrgDb,
    request: &'a TurnRequest,
    model: &ModelRef,
    now: Timestamp,
) -> Result<Given<'a>, StoreError> {
    if sums_up(request) {
        return Ok(Given::default());
    }
    let mut budget = budget(request, model);
    let kept = choose_kept(request, &mut budget);
    let asked = asked(request);
    let mut could = candidates(rows, request.chat, request.channel, &asked, now).await?;
    for one in &mut could {
        one.bytes = one.bytes.saturating_add(HEADING_BYTES);
    }
    let items = texts(rows, &choose(could, &mut budget)).await?;
    Ok(Given { kept, items, files: Vec::new(), left_out: budget.left_out() })
}

/// Reads the files of the conversation that can be read, and fit.
pub(crate) async fn files(errand: &Errand, request: &TurnRequest) -> Vec<FileText> {
    let mut files = Vec::new();
    for attachment in to_read(request) {
        if let Some(text) = attachments::text_of(errand, request.org, attachment).await {
            files.push(FileText { id: attachment.id, text });
        }
    }
    files
}

/// The newest messages' files first; one that does not fit makes way for smaller ones before it.
fn to_read(request: &TurnRequest) -> Vec<&Attachment> {
    if sums_up(request) {
        return Vec::new();
    }
    let mut space = FILE_BYTES;
    let newest_first = request.context.iter().rev().flat_map(|message| &message.attachments);
    let fit = newest_first.filter(|attachment| {
        let fits = is_read(attachment) && attachment.bytes <= space;
        space -= if fits { attachment.bytes } else { 0 };
        fits
    });
    fit.take(FILES).collect()
}

/// A summary or draft says what was said, and nothing else.
fn sums_up(request: &TurnRequest) -> bool {
    request.summarise || request.fork.as_ref().is_some_and(|fork| fork.draft)
}

fn budget(request: &TurnRequest, model: &ModelRef) -> Budget {
    let measure = Measure::of(request.measured.as_ref(), &model.to_string());
    let files = to_read(request).len();
    // Beside the instructions.
    let others = 1
        + usize::from(request.summary.is_some())
        + request.context.len()
        + files
        + usize::from(!request.steps.is_empty());
    Budget::new(measure, KEPT_TOKENS, PARTS.saturating_sub(others))
}

fn choose_kept<'a>(request: &'a TurnRequest, budget: &mut Budget) -> Vec<&'a KeptMessage> {
    let said = |kept: &KeptMessage| request.context.iter().any(|message| message.message == kept.message);
    let weight = |kept: &KeptMessage| u64::try_from(weight_of_kept(kept)).unwrap_or(u64::MAX);
    let newest_first = request.kept.iter().rev().filter(|kept| !said(kept));
    let mut kept: Vec<&KeptMessage> = newest_first.filter(|kept| budget.take(weight(kept))).collect();
    kept.reverse();
    kept
}

fn asked(request: &TurnRequest) -> Vec<String> {
    asked_words(request.context.iter().rev().take(ASKED_MESSAGES).map(|message| message.text.as_str()))
}

#[cfg(test)]
mod tests {
    use slipway_contract::objects::engine::{ContextMessage, KeptAs, TurnFork};
    use slipway_contract::{MessageId, Seq};

    use super::*;
    use crate::engine::testing::request;

    fn id(seq: u64) -> MessageId {
        MessageId::new(request().chat, Seq(seq))
    }

    fn kept(seq: u64, bytes: usize) -> KeptMessage {
        let (author, text) = ("Ana".to_owned(), "x".repeat(bytes));
        KeptMessage { message: id(seq), kept: KeptAs::Pin, author, text }
    }

    fn said(seq: u64, text: &str) -> ContextMessage {
        let (author, text) = ("Ana".to_owned(), text.to_owned());
        ContextMessage { message: id(seq), author, own: false, text, attachments: Vec::new(), kept: None }
    }

    fn chosen(request: &TurnRequest) -> (Vec<u64>, u32) {
        let mut budget = budget(request, &ModelRef::Demo);
        let kept = choose_kept(request, &mut budget);
        (kept.iter().map(|kept| kept.message.seq().0).collect(), budget.left_out())
    }

    #[test]
    fn the_newest_that_fit_are_given_oldest_first() {
        let mut turn = request();
        turn.kept = vec![kept(1, 100), kept(2, 20_000), kept(3, 12_000), kept(4, 100)];
        // 8,000 tokens at three bytes each: the second does not fit beside the third.
        assert_eq!(chosen(&turn), (vec![1, 3, 4], 1));
        // Once it is known that this model packs more into a token, it does.
        turn.measured = Some(slipway_contract::objects::engine::Measured {
            model: "demo".to_owned(),
            bytes: 6_000,
            tokens: 1_000,
        });
        assert_eq!(chosen(&turn), (vec![1, 2, 3, 4], 0));
    }

    #[test]
    fn what_the_conversation_holds_is_not_given_twice() {
        let mut turn = request();
        turn.kept = vec![kept(1, 10), kept(2, 10)];
        turn.context = vec![said(2, "x"), said(3, "y")];
        assert_eq!(chosen(&turn), (vec![1], 0));
    }

    fn file(number: u8, bytes: u64, media_type: &str) -> Attachment {
        Attachment {
            id: AttachmentId::fresh(1, [number; 10]),
            chat: request().chat,
            name: format!("{number}.txt"),
            media_type: media_type.to_owned(),
            bytes,
            pixels: None,
            by: slipway_contract::Actor::System,
            created_at: Timestamp::from_unix_ms(0),
        }
    }

    #[test]
    fn the_newest_texts_that_fit_are_read() {
        let kib = |kib: u64| kib * 1_024;
        let mut turn = request();
        let files = [
            vec![file(1, kib(4), "text/plain"), file(2, kib(60), "text/plain")],
            vec![file(3, kib(64), "text/plain"), file(4, kib(65), "text/plain"), file(5, 9, "image/png")],
            vec![file(6, kib(60), "text/plain")],
        ];
        turn.context =
            files.into_iter().map(|attachments| ContextMessage { attachments, ..said(1, "") }).collect();
        let read = |turn: &TurnRequest| {
            to_read(turn).iter().map(|file| file.name.clone()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(read(&turn), "6.txt 3.txt 1.txt");
        turn.summarise = true;
        assert_eq!(read(&turn), "");
        turn.summarise = false;
        let many = (0..20).map(|number| file(number, 1, "text/plain")).collect();
        turn.context = vec![ContextMessage { attachments: many, ..said(1, "") }];
        assert_eq!(to_read(&turn).len(), FILES);
    }

    #[test]
    fn a_receipt_has_room_for_all_parts() {
        let mut turn = request();
        turn.kept = (1..=60).map(|seq| kept(seq, 1)).collect();
        turn.context = (100..240).map(|seq| said(seq, "x")).collect();
        let (given, left_out) = chosen(&turn);
        assert_eq!((given.len() + 1 + turn.context.len(), left_out), (PARTS, 1));
    }

    #[test]
    fn the_words_that_count_are_those_of_the_last_messages() {
        let mut turn = request();
        turn.context = (1..=6).map(|seq| said(seq, &format!("word{seq} is"))).collect();
        assert_eq!(asked(&turn), ["word3", "word4", "word5", "word6"]);
    }

    #[test]
    fn what_sums_up_is_given_nothing_else() {
        assert!(!sums_up(&request()));
        assert!(sums_up(&TurnRequest { summarise: true, ..request() }));
        let fork = |draft| Some(TurnFork { description: "Which port?".to_owned(), draft });
        assert!(sums_up(&TurnRequest { fork: fork(true), ..request() }));
        assert!(!sums_up(&TurnRequest { fork: fork(false), ..request() }));
    }
}
