//! The one registry of ids. An id prints as its prefix and the hexadecimal digits of what is inside; nothing else parses.
//!
//! Ids of things that live in Postgres hold a UUIDv7 (RFC 9562). Ids of things inside a chat hold the chat's UUID and a
//! number that the chat gave out, so that such an id leads to its object without a look-up.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The text is not an id of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId {
    /// The kind that was expected, by its prefix.
    pub expected: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a valid {}_… id", self.expected)
    }
}

impl core::error::Error for InvalidId {}

/// Reads the lower-case hexadecimal digits behind `prefix_`.
fn digits<'a>(text: &'a str, prefix: &'static str) -> Result<&'a str, InvalidId> {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .filter(|hex| hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
        .ok_or(InvalidId { expected: prefix })
}

macro_rules! text_form {
    ($name:ident, $prefix:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-f]{32,46}$")))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "string"))]
        pub struct $name(Uuid);

        impl $name {
            /// What the id's text starts with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A fresh UUIDv7 from the time in milliseconds since the Unix epoch and ten random bytes.
            pub fn fresh(unix_ms: u64, random: [u8; 10]) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid())
            }

            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let hex = digits(text, $prefix)?;
                let whole = (hex.len() == 32).then(|| Uuid::try_parse(hex).ok()).flatten();
                whole.map(Self).ok_or(InvalidId { expected: $prefix })
            }
        }

        text_form!($name, $prefix);
    };
}

macro_rules! chat_scoped_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "string"))]
        pub struct $name {
            chat: ChatId,
            seq: Seq,
        }

        impl $name {
            /// What the id's text starts with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The id of what the event `seq` of `chat` brought into being.
            pub const fn new(chat: ChatId, seq: Seq) -> Self {
                Self { chat, seq }
            }

            /// The chat it lives in.
            pub const fn chat(self) -> ChatId {
                self.chat
            }

            /// The event that brought it into being.
            pub const fn seq(self) -> Seq {
                self.seq
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}{:08x}"), self.chat.uuid().simple(), self.seq.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { expected: $prefix };
                let hex = digits(text, $prefix)?;
                let (chat, seq) = hex.split_at_checked(32).ok_or(invalid)?;
                // Eight digits, or more without a leading zero: one text for one id.
                if seq.len() < 8 || (seq.len() > 8 && seq.starts_with('0')) {
                    return Err(invalid);
                }
                let chat = Uuid::try_parse(chat).map(ChatId).map_err(|_| invalid)?;
                let seq = u64::from_str_radix(seq, 16).map(Seq).map_err(|_| invalid)?;
                if seq > Seq::MAX { Err(invalid) } else { Ok(Self { chat, seq }) }
            }
        }

        text_form!($name, $prefix);
    };
}

/// Place of an event in its chat's log. The first event is 1; 0 means "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = u64))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "number"))]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first event.
    pub const START: Self = Self(0);
    /// The largest number that JavaScript and the object's storage hold exactly (2^53 − 1).
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

uuid_id!(/** A person with an account. */ UserId, "user");
uuid_id!(/** A tenant. */ OrgId, "org");
uuid_id!(/** A user's place in an org. */ MemberId, "member");
uuid_id!(/** An offer to join an org. */ InvitationId, "inv");
uuid_id!(/** A named place in an org that holds chats. */ ChannelId, "chan");
uuid_id!(/** One conversation; also the name of its object. */ ChatId, "chat");
uuid_id!(/** A configured participant that answers with a model. */ AgentId, "agent");
uuid_id!(/** A family of refresh tokens: one sign-in on one device. */ SessionId, "sess");
uuid_id!(/** An isolated machine bound to a chat. */ SandboxId, "sbx");
uuid_id!(/** A file captured from a sandbox. */ ArtifactId, "art");
uuid_id!(/** A file that people put into a chat. */ AttachmentId, "att");
uuid_id!(/** Something that agents are to know. */ ContextItemId, "ctx");
uuid_id!(/** A chat that lies in R2 whole. */ ArchiveId, "arc");
uuid_id!(/** One removal of a chat, channel, org or account. */ DeletionId, "del");
uuid_id!(/** A sandbox's workspace as it was once, kept in R2. */ SnapshotId, "snap");
uuid_id!(/** A row of the usage ledger. */ UsageEntryId, "usage");
uuid_id!(/** One request, from the edge through every process it touches. */ RequestId, "req");
chat_scoped_id!(/** A message. */ MessageId, "msg");
chat_scoped_id!(/** One piece of agent work. */ TurnId, "turn");
chat_scoped_id!(/** A side discussion of a chat. */ ForkId, "fork");
chat_scoped_id!(/** A question that people answer before something risky happens. */ ApprovalId, "appr");

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = "chat_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b";

    #[test]
    fn an_id_prints_what_it_was_parsed_from() {
        for text in [CHAT, "chat_00000000000000000000000000000000"] {
            assert_eq!(text.parse::<ChatId>().unwrap().to_string(), text);
        }
        let message = MessageId::new(CHAT.parse().unwrap(), Seq(0x2a));
        assert_eq!(message.to_string(), "msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b0000002a");
        assert_eq!(message.to_string().parse(), Ok(message));
        let late = TurnId::new(CHAT.parse().unwrap(), Seq::MAX);
        assert_eq!(late.to_string().parse(), Ok(late));
    }

    #[test]
    fn only_the_one_written_form_of_an_id_parses() {
        let wrong = [
            "",
            "chat_",
            "org_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b",
            "chat_018F2B1A7C3E7D4F8A9B0C1D2E3F4A5B",
            "chat_018f2b1a-7c3e-7d4f-8a9b-0c1d2e3f4a5b",
            "chat_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b0",
            "chat018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b",
        ];
        for text in wrong {
            assert!(text.parse::<ChatId>().is_err(), "{text}");
        }
        let wrong = [
            "msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b",
            "msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b2a",
            "msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002a",
            "msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5bffffffffffffffff",
            "msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b+000002a",
        ];
        for text in wrong {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }

    #[test]
    fn fresh_ids_sort_by_their_time() {
        let early = ChatId::fresh(1_700_000_000_000, [0xff; 10]);
        let late = ChatId::fresh(1_700_000_000_001, [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.uuid().get_version_num(), 7);
    }
}
